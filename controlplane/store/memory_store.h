#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "controlplane/store/store.h"

namespace byon::store {

// Keeps records in this process only: for tests and for gateways that may forget. Any thread.
class MemoryStore final : public Store {
 public:
  void Put(Kind kind, std::string_view key, std::string_view value,
           std::optional<std::chrono::system_clock::time_point> expires_at) override;
  void Delete(Kind kind, std::string_view key) override;
  void ReadPage(Kind kind, std::string after, std::function<void(Page)> done) override;
  void ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) override;
  void Flush() override {}

 private:
  std::mutex mutex_;
  std::map<std::pair<Kind, std::string>, Record> records_;
};

}  // namespace byon::store
