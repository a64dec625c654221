#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/auth/milenage.h"

namespace byon::auth {

// What the network sends: RAND and AUTN (TS 33.102 section 6.3.2).
struct AkaChallenge {
  Block128 rand{};
  Block128 autn{};  // SQN xor AK | AMF | MAC
};

// The nonce of an AKA challenge: base64 of RAND, AUTN and server data (RFC 3310 section 3.2).
// Nothing when it is no base64 or too short.
[[nodiscard]] std::optional<AkaChallenge> ParseAkaNonce(std::string_view nonce);

struct AkaAnswer {
  enum class Outcome : uint8_t {
    kAccepted,       // `bytes` is RES, 8 bytes: the password of the digest (RFC 3310 section 3.3)
    kOutOfSync,      // `bytes` is AUTS, 14 bytes (TS 33.102 section 6.3.3)
    kNotTheNetwork,  // MAC is wrong: whoever sent this does not know K
  };
  Outcome outcome = Outcome::kNotTheNetwork;
  std::string bytes;
};

struct IsimKeys {
  Block128 k{};
  Block128 opc{};

  bool operator==(const IsimKeys&) const = default;
};

// An ISIM in software: checks that a challenge is the home network's and fresh, and answers it
// (TS 33.102 section 6.3.3). Sequence numbers are kept by index, as in annex C.2.2: vectors may
// come out of order.
class SoftwareIsim {
 public:
  explicit SoftwareIsim(const IsimKeys& keys) : keys_(keys) {}

  [[nodiscard]] AkaAnswer Authenticate(const AkaChallenge& challenge);

  // SQN_MS, the highest sequence number accepted (48 bits): to be kept over a restart.
  uint64_t highest_sequence_number() const { return highest_; }
  // Nothing up to this one is accepted any more.
  void Restore(uint64_t highest_sequence_number);
  const IsimKeys& keys() const { return keys_; }

 private:
  static constexpr unsigned kIndexBits = 5;  // TS 33.102 annex C.3.1: 32 indices
  bool IsFresh(uint64_t sequence_number) const;

  IsimKeys keys_;
  std::array<uint64_t, 1U << kIndexBits> seq_by_index_{};  // SEQ, without index
  uint64_t highest_ = 0;
};

}  // namespace byon::auth
