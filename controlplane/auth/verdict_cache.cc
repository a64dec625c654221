#include "controlplane/auth/verdict_cache.h"

#include <openssl/evp.h>

#include <cstring>

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

std::shared_ptr<const VerifiedToken> VerdictCache::Find(std::string_view token, WallTime now) {
  const auto it = entries_.find(HashOf(token));
  if (it == entries_.end()) return nullptr;
  if (it->second.until <= now) {
    entries_.erase(it);
    return nullptr;
  }
  return it->second.verdict;
}

void VerdictCache::Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verdict,
                          WallTime until, WallTime now) {
  if (until <= now) return;
  if (entries_.size() >= max_entries_) {
    std::erase_if(entries_, [now](const auto& entry) { return entry.second.until <= now; });
    while (entries_.size() >= max_entries_) entries_.erase(entries_.begin());
  }
  entries_[HashOf(token)] = {std::move(verdict), until};
}

void VerdictCache::ForgetIssuer(std::string_view issuer) {
  std::erase_if(entries_, [issuer](const auto& entry) { return entry.second.verdict->issuer == issuer; });
}

}  // namespace byon::auth
