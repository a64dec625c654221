#include "controlplane/dns/answer.h"

#include <algorithm>

namespace byon::dns {
namespace {

using std::chrono::seconds;

constexpr int kMaxAliases = 8;
constexpr seconds kLongestTtl{86400};
constexpr seconds kLongestNegativeTtl{300};  // RFC 2308 section 5 allows hours; a new record should not wait so long

// How long "there is none" may be kept: by the zone's SOA record (RFC 2308 section 5), else not at all.
seconds NegativeTtl(const Message& message) {
  for (const Record& record : message.authorities) {
    if (const auto* soa = std::get_if<StartOfAuthority>(&record.data)) {
      return std::min(seconds(std::min(record.ttl_s, soa->minimum_s)), kLongestNegativeTtl);
    }
  }
  return seconds(0);
}

}  // namespace

Reading ReadAnswer(const Message& message, const std::string& name, RecordType type) {
  Reading reading;
  Answer& answer = reading.answer;
  const auto code = static_cast<ResponseCode>(message.response_code);
  if (code != ResponseCode::kNoError && code != ResponseCode::kNameError) return reading;
  std::string owner = name;
  answer.ttl = kLongestTtl;
  for (int aliases = 0; aliases <= kMaxAliases; ++aliases) {
    const Record* alias = nullptr;
    for (const Record& record : message.answers) {
      if (record.name != owner) continue;
      if (record.type == type) {
        answer.records.push_back(record);
        answer.ttl = std::min(answer.ttl, seconds(record.ttl_s));
      } else if (record.type == RecordType::kCname) {
        alias = &record;
      }
    }
    if (!answer.records.empty()) {
      answer.kind = Answer::Kind::kRecords;
      return reading;
    }
    if (alias == nullptr) break;
    answer.ttl = std::min(answer.ttl, seconds(alias->ttl_s));
    owner = std::get<Alias>(alias->data).name;
  }
  if (owner != name && code == ResponseCode::kNoError && message.authorities.empty()) {
    reading.alias = owner;
    return reading;
  }
  answer.kind = Answer::Kind::kNone;
  answer.ttl = std::min(answer.ttl, NegativeTtl(message));
  return reading;
}

}  // namespace byon::dns
