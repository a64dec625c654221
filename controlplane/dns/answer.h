#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/dns/message.h"

namespace byon::dns {

// What a name server said to one question.
struct Answer {
  enum class Kind {
    kRecords,  // there are some
    kNone,     // the name has none of this type, or is not there at all
    kFailed,   // nobody could say
  };
  Kind kind = Kind::kFailed;
  std::vector<Record> records;  // of the type asked for
  std::chrono::seconds ttl{0};  // how long this holds
};

// Reads a response to (name, type): follows the aliases in it. An alias that leads out of the message is left in
// `alias`, to be asked for next.
struct Reading {
  Answer answer;
  std::string alias;  // empty: the answer is complete
};
[[nodiscard]] Reading ReadAnswer(const Message& message, const std::string& name, RecordType type);

}  // namespace byon::dns
