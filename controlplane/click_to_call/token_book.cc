#include "controlplane/click_to_call/token_book.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "controlplane/auth/sha256.h"

namespace byon::click_to_call {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kVersion = 1;

int64_t Milliseconds(WallTime time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}
// Bounded to the years that the clock can express.
WallTime TimeAt(const json& value, const char* name) {
  constexpr uint64_t kLatest = 9'000'000'000'000;
  const json& time = value.at(name);
  if (!time.is_number_unsigned() || time.get<uint64_t>() > kLatest) throw std::out_of_range(name);
  return WallTime(milliseconds(time.get<int64_t>()));
}
uint32_t CountAt(const json& value, const char* name) {
  const json& count = value.at(name);
  if (!count.is_number_unsigned() || count.get<uint64_t>() > UINT32_MAX) throw std::out_of_range(name);
  return count.get<uint32_t>();
}

std::string Write(const TokenRecord& record) {
  return json{{"v", kVersion},
              {"secret_hash", record.secret_hash},
              {"campaign", record.campaign_id},
              {"client", record.client_id},
              {"name", record.originator_name},
              {"calls", record.calls},
              {"calls_left", record.calls_left},
              {"start_before", Milliseconds(record.start_before)},
              {"ends_at", Milliseconds(record.ends_at)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<TokenRecord> Read(const store::Record& kept) {
  try {
    const json value = json::parse(kept.value);
    if (value.at("v") != kVersion) return std::nullopt;
    return TokenRecord{kept.key,
                       value.at("secret_hash"),
                       value.at("campaign"),
                       value.at("client"),
                       value.at("name"),
                       CountAt(value, "calls"),
                       CountAt(value, "calls_left"),
                       TimeAt(value, "start_before"),
                       TimeAt(value, "ends_at")};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

void TokenBook::Restore(WallTime now) {
  for (const store::Record& kept : store_.LoadAll(store::Kind::kVisitorToken)) {
    auto record = Read(kept);
    if (!record || ForgottenAt(*record) <= now) {
      store_.Delete(store::Kind::kVisitorToken, kept.key);
      continue;
    }
    ends_.emplace(ForgottenAt(*record), record->id);
    ++counts_[record->campaign_id];
    tokens_.emplace(kept.key, std::move(*record));
  }
}

bool TokenBook::Add(TokenRecord record, WallTime now) {
  Sweep(now);
  const auto of_campaign = counts_.find(record.campaign_id);
  const size_t count = of_campaign == counts_.end() ? 0 : of_campaign->second;
  if (tokens_.size() >= max_tokens_ || count >= max_tokens_ - tokens_.size()) return false;
  Delete(record.id);
  ++counts_[record.campaign_id];
  Keep(record);
  ends_.emplace(ForgottenAt(record), record.id);
  std::string id = record.id;
  tokens_.insert_or_assign(std::move(id), std::move(record));
  return true;
}

const TokenRecord* TokenBook::FindById(const std::string& id, WallTime now) const {
  const auto known = tokens_.find(id);
  return known == tokens_.end() || ForgottenAt(known->second) <= now ? nullptr : &known->second;
}

const TokenRecord* TokenBook::Find(const TokenText& token, WallTime now) const {
  const TokenRecord* record = FindById(token.id, now);
  // Hashes are compared: how long that takes tells nothing of the secret.
  return record != nullptr && record->secret_hash == auth::Sha256Hex(token.secret) ? record : nullptr;
}

void TokenBook::Spend(const std::string& id) {
  const auto known = tokens_.find(id);
  if (known == tokens_.end() || known->second.calls_left == 0) return;
  TokenRecord& record = known->second;
  ends_.erase({ForgottenAt(record), id});
  --record.calls_left;
  ends_.emplace(ForgottenAt(record), id);
  Keep(record);
}

void TokenBook::Delete(const std::string& id) {
  const auto known = tokens_.find(id);
  if (known == tokens_.end()) return;
  ends_.erase({ForgottenAt(known->second), id});
  if (const auto count = counts_.find(known->second.campaign_id); --count->second == 0) counts_.erase(count);
  tokens_.erase(known);
  store_.Delete(store::Kind::kVisitorToken, id);
}

void TokenBook::Keep(const TokenRecord& record) {
  store_.Put(store::Kind::kVisitorToken, record.id, Write(record), ForgottenAt(record));
}

void TokenBook::Sweep(WallTime now) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const std::string id = ends_.begin()->second;
    Delete(id);
  }
}

}  // namespace byon::click_to_call
