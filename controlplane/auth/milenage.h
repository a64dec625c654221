#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace byon::auth {

using Block128 = std::array<uint8_t, 16>;
using SequenceNumber48 = std::array<uint8_t, 6>;
using AuthenticationManagementField = std::array<uint8_t, 2>;

// OPc of an operator's OP and a card's K (TS 35.206 section 4.1).
[[nodiscard]] Block128 DeriveOpc(const Block128& op, const Block128& k);

// The Milenage functions of one card for one RAND (TS 35.206 section 4.1).
class Milenage {
 public:
  Milenage(const Block128& k, const Block128& opc, const Block128& rand);

  using Mac = std::array<uint8_t, 8>;
  // f1 and f1*: the network's and, in a resynchronisation, the card's signature.
  [[nodiscard]] Mac NetworkMac(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const;
  [[nodiscard]] Mac ResyncMac(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const;
  [[nodiscard]] std::array<uint8_t, 8> Response() const;      // f2, RES
  [[nodiscard]] Block128 CipherKey() const;                   // f3, CK
  [[nodiscard]] Block128 IntegrityKey() const;                // f4, IK
  [[nodiscard]] SequenceNumber48 AnonymityKey() const;        // f5, AK
  [[nodiscard]] SequenceNumber48 ResyncAnonymityKey() const;  // f5*

 private:
  Block128 Out1(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const;
  Block128 Out(size_t rotation_bytes, uint8_t constant) const;

  Block128 k_;
  Block128 opc_;
  Block128 temp_;
};

}  // namespace byon::auth
