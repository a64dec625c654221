#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/stun/message_integrity.h"
#include "dataplane/stun/stun_message.h"

namespace byon::stun {

// Writes one STUN message into a caller's buffer, attribute by attribute. MESSAGE-INTEGRITY and
// then FINGERPRINT come last (RFC 8489 sections 14.5 and 14.7); that order is the caller's.
class StunMessageBuilder {
 public:
  StunMessageBuilder(base::MutableByteSpan buffer, MessageClass message_class, uint16_t method,
                     const TransactionId& transaction_id);

  void AddAttribute(AttributeType type, base::ByteSpan value);
  void AddUsername(std::string_view username);
  void AddPriority(uint32_t priority);
  void AddUseCandidate();
  void AddIceControlling(uint64_t tie_breaker);
  void AddIceControlled(uint64_t tie_breaker);
  void AddSoftware(std::string_view software);
  void AddXorMappedAddress(const net::SocketAddress& address);
  void AddErrorCode(ErrorCode code, std::string_view reason);
  void AddUnknownAttributes(std::span<const uint16_t> types);
  void AddMessageIntegrity(const IntegrityKey& key);
  void AddFingerprint();

  // The whole message, or nothing when it did not fit the buffer.
  std::optional<base::ByteSpan> Finish() const;

 private:
  // Sets the header's length as if `extra_bytes` more were already there.
  void PatchLength(size_t extra_bytes);

  base::ByteWriter writer_;
  TransactionId transaction_id_;
};

}  // namespace byon::stun
