#pragma once

#include <array>
#include <optional>
#include <string>

#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// The credentials of the requests of one call or exchange: a challenge of the registrar's side (401) and one of a proxy
// (407) are answered, and every later attempt carries both, with the nonce's count one higher (RFC 3261 section 22.2,
// RFC 7616 section 3.4). A plain value; used on the shard's thread.
class RequestCredentials {
 public:
  // Takes a 401 or 407 to a request of ours up. False: it cannot be answered, or the answer to the one before was
  // wrong. A new nonce for an old one is no wrong answer.
  [[nodiscard]] bool TakeChallenge(const ShardContext& context, const MessageView& response, const std::string& method,
                                   const std::string& uri, const std::string& impi);
  // The header lines for the next request; empty where nobody has asked for any.
  std::string Authorize(const ShardContext& context, const std::string& method, const std::string& uri,
                        const std::string& impi);

 private:
  struct Answer {
    ChallengeAnswer challenge;
    bool is_fresh = true;  // its line, made for the request that was challenged, is still to be sent
    int count = 1;         // of challenges of this side
  };
  std::array<std::optional<Answer>, 2> answers_;  // to 401 and 407
};

}  // namespace byon::sip
