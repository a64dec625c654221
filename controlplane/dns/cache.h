#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/dns/answer.h"

namespace byon::dns {

// Answers for as long as they hold, "there is none" too. Sans-IO: time is an argument. Bounded: where it is full, what
// ends first goes.
class Cache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Cache(size_t capacity = 1024) : capacity_(capacity) {}

  // With the time that is left of it.
  [[nodiscard]] std::optional<Answer> Find(const std::string& name, RecordType type, Time now) const;
  // Failures and answers that hold for no time are not kept.
  void Insert(const std::string& name, RecordType type, Answer answer, Time now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Answer answer;
    Time ends;
  };
  size_t capacity_;
  std::map<std::pair<std::string, RecordType>, Entry> entries_;
};

}  // namespace byon::dns
