#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/result.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/stun/drop_reason.h"
#include "dataplane/stun/message_integrity.h"
#include "dataplane/stun/stun_message.h"

namespace byon::stun {

// A STUN message over bytes it does not own (RFC 8489 section 5): header and attribute framing are
// validated once, values where they are read. Of an attribute given twice the first counts, and
// what follows MESSAGE-INTEGRITY is not seen, but for FINGERPRINT (section 14.5).
class StunMessageView {
 public:
  static base::Result<StunMessageView, DropReason> Parse(base::ByteSpan datagram);

  MessageClass message_class() const { return class_; }
  uint16_t method() const { return method_; }
  TransactionId transaction_id() const;

  // The value of the first attribute of that type, without padding.
  std::optional<base::ByteSpan> Find(AttributeType type) const;
  bool Has(AttributeType type) const { return Find(type).has_value(); }
  std::optional<base::ByteSpan> username() const { return Find(AttributeType::kUsername); }
  std::optional<uint32_t> priority() const;
  std::optional<uint64_t> ice_controlling() const;
  std::optional<uint64_t> ice_controlled() const;
  bool use_candidate() const { return Has(AttributeType::kUseCandidate); }
  std::optional<net::SocketAddress> xor_mapped_address() const;
  std::optional<uint16_t> error_code() const;

  bool has_message_integrity() const { return integrity_offset_ != 0; }
  // True when MESSAGE-INTEGRITY is there and is the one that `key` gives.
  bool VerifyIntegrity(const IntegrityKey& key) const;
  bool has_fingerprint() const { return fingerprint_offset_ != 0; }
  // True when FINGERPRINT is the last attribute and right.
  bool VerifyFingerprint() const;

  // Types below 0x8000 that RFC 8445 and 8489 do not let us answer for: reason for a 420.
  static constexpr size_t kMaxUnknownAttributes = 8;
  using UnknownAttributes = base::FixedVector<uint16_t, kMaxUnknownAttributes>;
  UnknownAttributes UnknownRequiredAttributes() const;

  base::ByteSpan datagram() const { return datagram_; }

 private:
  explicit StunMessageView(base::ByteSpan datagram) : datagram_(datagram) {}
  std::optional<uint64_t> FindInteger(AttributeType type, size_t width) const;

  base::ByteSpan datagram_;
  MessageClass class_ = MessageClass::kRequest;
  uint16_t method_ = 0;
  size_t visible_end_ = 0;         // of the attributes covered by MESSAGE-INTEGRITY, or of all
  size_t integrity_offset_ = 0;    // of the attribute's header; 0: absent
  size_t fingerprint_offset_ = 0;  // of the attribute's header; 0: absent
};

}  // namespace byon::stun
