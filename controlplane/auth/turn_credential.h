#pragma once

#include <chrono>
#include <string>

namespace byon::auth {

// A short-lived TURN login that the relay proves with the secret it shares with us (draft-uberti-behave-turn-rest-00,
// coturn's use-auth-secret).
struct TurnCredential {
  std::string username;  // <end, seconds since 1970>:<pseudonym of the user>
  std::string password;  // base64 of HMAC-SHA1(secret, username)
};

// The pseudonym is the same for the same user, so that the relay can bound what one user takes, and tells nothing
// of who it is.
TurnCredential MakeTurnCredential(const std::string& secret, const std::string& user,
                                  std::chrono::system_clock::time_point expires_at);

}  // namespace byon::auth
