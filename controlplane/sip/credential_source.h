#pragma once

#include <optional>
#include <string>

#include "controlplane/auth/software_isim.h"

namespace byon::sip {

// The secrets of a private identity (IMPI): a digest password, or an ISIM. Called on the SIP
// threads whenever a challenge has to be answered: thread-safe, and from memory only.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Nothing when the IMPI has no password here; the challenge is then a final failure.
  virtual std::optional<std::string> Password(const std::string& impi) = 0;
  // Lets the IMPI's ISIM answer an AKA challenge; nothing when it has none.
  virtual std::optional<auth::AkaAnswer> Authenticate(const std::string& /*impi*/,
                                                      const auth::AkaChallenge& /*challenge*/) {
    return std::nullopt;
  }
  // The highest sequence number that the ISIM has accepted, 0 without one; and the way back after a
  // restart.
  virtual uint64_t SequenceNumber(const std::string& /*impi*/) { return 0; }
  virtual void RestoreSequenceNumber(const std::string& /*impi*/, uint64_t /*highest*/) {}
};

}  // namespace byon::sip
