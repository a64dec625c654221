#include "controlplane/auth/verdict_cache.h"

#include <openssl/evp.h>

#include <cstring>
#include <iterator>

namespace byon::auth {

size_t VerdictCache::HashOfHash::operator()(const Hash& hash) const {
  size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

VerdictCache::Hash VerdictCache::HashOf(std::string_view token) {
  Hash hash{};
  EVP_Digest(token.data(), token.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return hash;
}

VerdictCache::Entries::iterator VerdictCache::Erase(Entries::iterator entry) {
  index_.erase(entry->hash);
  return entries_.erase(entry);
}

std::shared_ptr<const VerifiedToken> VerdictCache::Find(std::string_view token, WallTime now) {
  const auto it = index_.find(HashOf(token));
  if (it == index_.end()) return nullptr;
  const auto entry = it->second;
  if (entry->until <= now) {
    Erase(entry);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->verdict;
}

void VerdictCache::Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verdict, WallTime until,
                          WallTime now) {
  if (until <= now) return;
  const Hash hash = HashOf(token);
  if (const auto it = index_.find(hash); it != index_.end()) Erase(it->second);
  while (!entries_.empty() && entries_.size() >= max_entries_) Erase(std::prev(entries_.end()));
  entries_.push_front({hash, std::move(verdict), until});
  index_.emplace(hash, entries_.begin());
}

void VerdictCache::ForgetIssuer(std::string_view issuer) {
  for (auto it = entries_.begin(); it != entries_.end();)
    it = it->verdict->issuer == issuer ? Erase(it) : std::next(it);
}

}  // namespace byon::auth
