#include "controlplane/sip/request_credentials.h"

namespace byon::sip {
namespace {

// A call is sent again a few times at most, and each attempt may meet a nonce that has expired.
constexpr int kMaxChallenges = 6;

bool IsStale(const MessageView& response) {
  const char* name = response.status() == 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
  for (const std::string& value : response.Headers(name)) {
    const auto challenge = auth::ParseDigestChallenge(value);
    if (challenge && challenge->is_stale) return true;
  }
  return false;
}

}  // namespace

bool RequestCredentials::TakeChallenge(const ShardContext& context, const MessageView& response,
                                       const std::string& method, const std::string& uri, const std::string& impi) {
  auto& slot = answers_[response.status() == 407 ? 1 : 0];
  int count = 1;
  if (slot) {
    const bool is_wrong = slot->challenge.is_proof && slot->challenge.session.nonce_count() <= 1 && !IsStale(response);
    if (is_wrong) return false;
    count = slot->count + 1;
  }
  if (count > kMaxChallenges) return false;
  auto answer = AnswerAnyChallenge(context, response, method, uri, impi);
  if (!answer) return false;
  slot = Answer{.challenge = std::move(*answer), .count = count};
  return true;
}

std::string RequestCredentials::Authorize(const ShardContext& context, const std::string& method,
                                          const std::string& uri, const std::string& impi) {
  std::string lines;
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (!answers_[i]) continue;
    Answer& answer = *answers_[i];
    if (answer.is_fresh) {
      answer.is_fresh = false;
      lines += answer.challenge.line;
      continue;
    }
    const std::string& aka = answer.challenge.aka_response;
    const auto password = aka.empty() ? context.credentials->Password(impi) : std::optional(aka);
    if (!password || !answer.challenge.is_proof) continue;
    AddHeader(lines, i == 1 ? "Proxy-Authorization" : "Authorization",
              answer.challenge.session.Authorize(method, uri, impi, *password, RandomHex(16)));
  }
  return lines;
}

}  // namespace byon::sip
