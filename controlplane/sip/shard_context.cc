#include "controlplane/sip/shard_context.h"

#include <sys/random.h>

#include <algorithm>

#include "controlplane/sip/text/session_id.h"
#include "dataplane/base/check.h"

namespace byon::sip {
namespace {

bool NamesAllowedPeer(const PeerFilter& peers, bool is_tls, const std::string& text) {
  const auto uri = ParseUri(text);
  if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || NamesTls(*uri) != is_tls) return false;
  const auto ip = IpAddress::Parse(uri->host);
  return ip && peers.IsAllowed(*ip) && IsSafeUri(text);
}

uint64_t RandomU64() {
  uint64_t value = 0;
  BYON_CHECK(getrandom(&value, sizeof value, 0) == sizeof value, "the kernel gives no random bytes");
  return value;
}

}  // namespace

std::string ShardContext::WireDestination(const std::vector<std::string>& routes, const std::string& target,
                                          const std::string& next_hop) const {
  std::string first = target;
  if (!routes.empty()) {
    const auto route = ParseNameAddr(routes.front());
    first = route ? route->uri : std::string();
  }
  return NamesAllowedPeer(peers, config.tls.has_value(), first) ? first : next_hop;
}

std::vector<std::string> ShardContext::OriginatingRoutes(const std::string& next_hop,
                                                         const std::vector<std::string>& service_route) const {
  std::vector<std::string> routes;
  if (config.profile != SipProfile::kTrustedNode) routes.push_back("<" + next_hop + ";lr>");
  routes.insert(routes.end(), service_route.begin(), service_route.end());
  return routes;
}

std::string ShardContext::ChargingVector() const {
  if (config.profile != SipProfile::kTrustedNode) return "";
  std::string vector = "icid-value=" + Quote(RandomHex(16)) + ";icid-generated-at=" + LocalHost();
  if (!config.originating_ioi.empty()) vector += ";orig-ioi=" + Quote(config.originating_ioi);
  return vector;
}

std::string ShardContext::RegisteredContact(const std::string& token) const {
  return "<sip:" + token + "@" + transactions.host_port() + TransportParameter() + ">";
}

// A URI with an address and nothing else is reached by UDP (RFC 3263 section 4.1).
std::string ShardContext::TransportParameter() const {
  if (config.tls) return ";transport=tls";
  const bool is_tcp = hop_list.size() > 0 && hop_list.uri(0).find(";transport=tcp") != std::string::npos;
  return is_tcp ? ";transport=tcp" : "";
}

std::string ShardContext::ContactAddress(const std::string& token) const {
  const DialogContact contact = dialog_contact ? dialog_contact(token) : DialogContact();
  if (!contact.gruu.empty()) return "<" + contact.gruu + ">";
  std::string address = RegisteredContact(token);
  if (contact.is_outbound) address.insert(address.size() - 1, ";ob");
  return address;
}

std::string ClaimedIdentity(const std::string& impu, const std::vector<std::string>& associated_uris) {
  if (std::find(associated_uris.begin(), associated_uris.end(), impu) != associated_uris.end()) return impu;
  const auto first = std::find_if(associated_uris.begin(), associated_uris.end(),
                                  [](const std::string& uri) { return IsSafeUri(uri); });
  return first == associated_uris.end() ? impu : *first;
}

std::string ClaimedSipIdentity(const std::string& impu, const std::vector<std::string>& associated_uris) {
  std::vector<std::string> sip_uris;
  std::copy_if(associated_uris.begin(), associated_uris.end(), std::back_inserter(sip_uris),
               [](const std::string& uri) { return uri.starts_with("sip:") || uri.starts_with("sips:"); });
  return ClaimedIdentity(impu, sip_uris);
}

void AddHeader(std::string& headers, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  headers += name;
  headers += ": ";
  // The last line of defence: whatever value this is, it stays on its line.
  for (char c : value) headers += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  headers += "\r\n";
}

std::string SessionUuidOf(const std::string& call_id) { return IsSessionUuid(call_id) ? call_id : RandomHex(16); }

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

namespace {

struct OfferedChallenges {
  std::optional<auth::DigestChallenge> aka;
  std::optional<auth::DigestChallenge> digest;
  bool has_foreign = false;
};

OfferedChallenges ReadChallenges(const ShardContext& context, const MessageView& response) {
  OfferedChallenges offered;
  const bool is_proxy = response.status() == 407;
  for (const std::string& value : response.Headers(is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate")) {
    const auto challenge = auth::ParseDigestChallenge(value);
    if (!challenge) continue;
    if (challenge->realm != context.realm()) {
      offered.has_foreign = true;
      continue;
    }
    // RFC 8760 section 2.4: the topmost that we support; with two of them the stronger is safe too.
    if (challenge->algorithm == auth::DigestAlgorithm::kAkaV1Md5) {
      offered.aka = challenge;
    } else if (!offered.digest || (offered.digest->algorithm == auth::DigestAlgorithm::kMd5 &&
                                   challenge->algorithm == auth::DigestAlgorithm::kSha256)) {
      offered.digest = challenge;
    }
  }
  return offered;
}

// RFC 3310 section 3; nothing when the IMPI has no ISIM.
std::optional<ChallengeAnswer> AnswerByIsim(const ShardContext& context, const auth::DigestChallenge& challenge,
                                            std::string_view method, std::string_view uri, const std::string& impi) {
  const auto nonce = auth::ParseAkaNonce(challenge.nonce);
  const auto aka = nonce ? context.credentials->Authenticate(impi, *nonce) : std::nullopt;
  if (!aka) return std::nullopt;
  ChallengeAnswer answer{.line = {}, .session = auth::DigestSession(challenge), .aka_response = {}, .is_proof = false};
  switch (aka->outcome) {
    case auth::AkaAnswer::Outcome::kAccepted:
      answer.is_proof = true;
      answer.aka_response = aka->bytes;
      answer.line = answer.session.Authorize(method, uri, impi, aka->bytes, RandomHex(16));
      break;
    case auth::AkaAnswer::Outcome::kOutOfSync:
      context.counters.Add(SipCounter::kAkaResync);
      answer.line = answer.session.AuthorizeResync(method, uri, impi, aka->bytes, RandomHex(16));
      break;
    case auth::AkaAnswer::Outcome::kNotTheNetwork:
      context.counters.Add(SipCounter::kAkaNotTheNetwork);
      answer.line = answer.session.RefuseChallenge(uri, impi);
      break;
  }
  return answer;
}

}  // namespace

std::optional<ChallengeAnswer> AnswerAnyChallenge(const ShardContext& context, const MessageView& response,
                                                  std::string_view method, std::string_view uri,
                                                  const std::string& impi) {
  const OfferedChallenges offered = ReadChallenges(context, response);
  if (!offered.aka && !offered.digest && offered.has_foreign) {
    context.counters.Add(SipCounter::kChallengeForeignRealm);
    return std::nullopt;
  }
  const bool may_answer =
      context.config.profile == SipProfile::kUserEquipment && context.credentials != nullptr && !impi.empty();
  std::optional<ChallengeAnswer> answer;
  if (may_answer && offered.aka) answer = AnswerByIsim(context, *offered.aka, method, uri, impi);
  if (may_answer && !answer && offered.digest) {
    if (const auto password = context.credentials->Password(impi)) {
      answer.emplace();
      answer->session = auth::DigestSession(*offered.digest);
      answer->line = answer->session.Authorize(method, uri, impi, *password, RandomHex(16));
    }
  }
  if (!answer) {
    context.counters.Add(SipCounter::kChallengeUnusable);
    return std::nullopt;
  }
  std::string line;
  AddHeader(line, response.status() == 407 ? "Proxy-Authorization" : "Authorization", answer->line);
  answer->line = std::move(line);
  return answer;
}

std::optional<std::string> AnswerChallenge(const ShardContext& context, const MessageView& response,
                                           std::string_view method, std::string_view uri, const std::string& impi,
                                           auth::DigestSession* session) {
  auto answer = AnswerAnyChallenge(context, response, method, uri, impi);
  if (!answer) return std::nullopt;
  *session = std::move(answer->session);
  return std::move(answer->line);
}

}  // namespace byon::sip
