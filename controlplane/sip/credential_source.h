#pragma once

#include <optional>
#include <string>

namespace byon::sip {

// The digest password of a private identity (IMPI). Called on the SIP threads whenever a challenge
// has to be answered: thread-safe, and from memory only.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Nothing when the IMPI has no password here; the challenge is then a final failure.
  virtual std::optional<std::string> Password(const std::string& impi) = 0;
};

}  // namespace byon::sip
