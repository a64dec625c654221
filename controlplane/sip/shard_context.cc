#include "controlplane/sip/shard_context.h"

#include <sys/random.h>

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::sip {
namespace {

bool NamesAllowedPeer(const PeerFilter& peers, const std::string& text) {
  const auto uri = ParseUri(text);
  if (!uri || uri->scheme != "sip") return false;
  const auto ip = IpAddress::Parse(uri->host);
  return ip && peers.IsAllowed(*ip) && IsSafeUri(text);
}

uint64_t RandomU64() {
  uint64_t value = 0;
  BYON_CHECK(getrandom(&value, sizeof value, 0) == sizeof value, "the kernel gives no random bytes");
  return value;
}

}  // namespace

std::string ShardContext::WireDestination(const std::vector<std::string>& routes,
                                          const std::string& target,
                                          const std::string& next_hop) const {
  std::string first = target;
  if (!routes.empty()) {
    const auto route = ParseNameAddr(routes.front());
    first = route ? route->uri : std::string();
  }
  return NamesAllowedPeer(peers, first) ? first : next_hop;
}

std::vector<std::string> ShardContext::OriginatingRoutes(
    const std::string& next_hop, const std::vector<std::string>& service_route) const {
  std::vector<std::string> routes;
  if (config.profile != SipProfile::kTrustedNode) routes.push_back("<" + next_hop + ";lr>");
  routes.insert(routes.end(), service_route.begin(), service_route.end());
  return routes;
}

std::string ShardContext::ContactAddress(const std::string& token) const {
  return "<sip:" + token + "@" + transactions.host_port() + ">";
}

void AddHeader(std::string& headers, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  headers += name;
  headers += ": ";
  // The last line of defence: whatever value this is, it stays on its line.
  for (char c : value) headers += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  headers += "\r\n";
}

std::string RandomHex(size_t bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes; i += 8) {
    uint64_t value = RandomU64();
    for (size_t j = i; j < std::min(bytes, i + 8); ++j, value >>= 8) {
      text += kDigits[value >> 4 & 0xf];
      text += kDigits[value & 0xf];
    }
  }
  return text;
}

std::chrono::milliseconds RandomDelay(std::chrono::milliseconds low, std::chrono::milliseconds high) {
  const auto span = static_cast<uint64_t>((high - low).count()) + 1;
  return low + std::chrono::milliseconds(RandomU64() % span);
}

std::optional<std::string> AnswerChallenge(const ShardContext& context, const MessageView& response,
                                           std::string_view method, std::string_view uri,
                                           const std::string& impi, auth::DigestSession* session) {
  const bool is_proxy = response.status() == 407;
  std::optional<auth::DigestChallenge> best;
  bool has_foreign = false;
  for (const std::string& value :
       response.Headers(is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate")) {
    const auto challenge = auth::ParseDigestChallenge(value);
    if (!challenge) continue;
    if (challenge->realm != context.realm()) {
      has_foreign = true;
      continue;
    }
    // RFC 8760 section 2.4: the topmost that we support; with two of them the stronger is safe too.
    if (!best || (best->algorithm == auth::DigestAlgorithm::kMd5 &&
                  challenge->algorithm == auth::DigestAlgorithm::kSha256)) {
      best = challenge;
    }
  }
  if (!best && has_foreign) {
    context.counters.Add(SipCounter::kChallengeForeignRealm);
    return std::nullopt;
  }
  const bool may_answer = context.config.profile == SipProfile::kUserEquipment &&
                          context.credentials != nullptr && !impi.empty();
  const auto password = best && may_answer ? context.credentials->Password(impi) : std::nullopt;
  if (!password) {
    context.counters.Add(SipCounter::kChallengeUnusable);
    return std::nullopt;
  }
  *session = auth::DigestSession(*best);
  std::string header;
  AddHeader(header, is_proxy ? "Proxy-Authorization" : "Authorization",
            session->Authorize(method, uri, impi, *password, RandomHex(16)));
  return header;
}

}  // namespace byon::sip
