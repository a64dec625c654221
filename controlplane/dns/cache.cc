#include "controlplane/dns/cache.h"

#include <algorithm>

namespace byon::dns {

std::optional<Answer> Cache::Find(const std::string& name, RecordType type, Time now) const {
  const auto found = entries_.find({name, type});
  if (found == entries_.end() || found->second.ends <= now) return std::nullopt;
  Answer answer = found->second.answer;
  answer.ttl = std::chrono::ceil<std::chrono::seconds>(found->second.ends - now);
  return answer;
}

void Cache::Insert(const std::string& name, RecordType type, Answer answer, Time now) {
  entries_.erase({name, type});
  if (answer.kind == Answer::Kind::kFailed || answer.ttl.count() == 0) return;
  if (entries_.size() >= capacity_) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                    [](const auto& a, const auto& b) { return a.second.ends < b.second.ends; }));
  }
  const Time ends = now + answer.ttl;
  entries_.insert_or_assign({name, type}, Entry{std::move(answer), ends});
}

}  // namespace byon::dns
