#include "dataplane/stun/stun_message_builder.h"

#include <algorithm>

namespace byon::stun {
namespace {
constexpr size_t kLengthOffset = 2;
constexpr size_t kIntegrityAttributeBytes = 4 + kMessageIntegrityBytes;
constexpr size_t kFingerprintAttributeBytes = 8;
}  // namespace

StunMessageBuilder::StunMessageBuilder(base::MutableByteSpan buffer, MessageClass message_class, uint16_t method,
                                       const TransactionId& transaction_id)
    : writer_(buffer), transaction_id_(transaction_id) {
  // The class bits stand between the method's: RFC 8489 section 5, figure 3.
  const auto class_bits = static_cast<uint32_t>(message_class);
  const uint32_t type = (method & 0x000Fu) | (method & 0x0070u) << 1 | (method & 0x0F80u) << 2 | (class_bits & 1) << 4 |
                        (class_bits & 2) << 7;
  writer_.WriteU16(static_cast<uint16_t>(type));
  writer_.WriteU16(0);
  writer_.WriteU32(kMagicCookie);
  writer_.WriteBytes(transaction_id);
}

void StunMessageBuilder::PatchLength(size_t extra_bytes) {
  if (writer_.size() < kHeaderBytes) return;
  writer_.PatchU16(kLengthOffset, static_cast<uint16_t>(writer_.size() + extra_bytes - kHeaderBytes));
}

void StunMessageBuilder::AddAttribute(AttributeType type, base::ByteSpan value) {
  writer_.WriteU16(static_cast<uint16_t>(type));
  writer_.WriteU16(static_cast<uint16_t>(value.size()));
  writer_.WriteBytes(value);
  writer_.WriteZeros((4 - value.size() % 4) % 4);
  PatchLength(0);
}

void StunMessageBuilder::AddUsername(std::string_view username) {
  AddAttribute(AttributeType::kUsername, base::AsBytes(username));
}
void StunMessageBuilder::AddSoftware(std::string_view software) {
  AddAttribute(AttributeType::kSoftware, base::AsBytes(software));
}
void StunMessageBuilder::AddUseCandidate() { AddAttribute(AttributeType::kUseCandidate, {}); }

void StunMessageBuilder::AddPriority(uint32_t priority) {
  std::array<std::byte, 4> value;
  base::ByteWriter(value).WriteU32(priority);
  AddAttribute(AttributeType::kPriority, value);
}
void StunMessageBuilder::AddIceControlling(uint64_t tie_breaker) {
  std::array<std::byte, 8> value;
  base::ByteWriter(value).WriteU64(tie_breaker);
  AddAttribute(AttributeType::kIceControlling, value);
}
void StunMessageBuilder::AddIceControlled(uint64_t tie_breaker) {
  std::array<std::byte, 8> value;
  base::ByteWriter(value).WriteU64(tie_breaker);
  AddAttribute(AttributeType::kIceControlled, value);
}

// RFC 8489 section 14.2.
void StunMessageBuilder::AddXorMappedAddress(const net::SocketAddress& address) {
  std::array<std::byte, 16> mask;
  base::ByteWriter mask_writer(mask);
  mask_writer.WriteU32(kMagicCookie);
  mask_writer.WriteBytes(transaction_id_);
  std::array<std::byte, 20> value;
  base::ByteWriter writer(value);
  writer.WriteU8(0);
  writer.WriteU8(address.ip.is_v4() ? 1 : 2);
  writer.WriteU16(static_cast<uint16_t>(address.port ^ (kMagicCookie >> 16)));
  const base::ByteSpan ip = address.ip.bytes();
  for (size_t i = 0; i < ip.size(); ++i) writer.WriteU8(std::to_integer<uint8_t>(ip[i] ^ mask[i]));
  AddAttribute(AttributeType::kXorMappedAddress, writer.written());
}

// RFC 8489 section 14.8.
void StunMessageBuilder::AddErrorCode(ErrorCode code, std::string_view reason) {
  std::array<std::byte, 4 + 128> value;
  base::ByteWriter writer(value);
  const auto number = static_cast<uint16_t>(code);
  writer.WriteU16(0);
  writer.WriteU8(static_cast<uint8_t>(number / 100));
  writer.WriteU8(static_cast<uint8_t>(number % 100));
  writer.WriteBytes(base::AsBytes(reason.substr(0, 128)));
  AddAttribute(AttributeType::kErrorCode, writer.written());
}

void StunMessageBuilder::AddUnknownAttributes(std::span<const uint16_t> types) {
  std::array<std::byte, 64> value;
  base::ByteWriter writer(value);
  for (const uint16_t type : types.first(std::min(types.size(), value.size() / 2))) {
    writer.WriteU16(type);
  }
  AddAttribute(AttributeType::kUnknownAttributes, writer.written());
}

void StunMessageBuilder::AddMessageIntegrity(const IntegrityKey& key) {
  PatchLength(kIntegrityAttributeBytes);
  const Hmac hmac = key.Compute(writer_.written(), {});
  AddAttribute(AttributeType::kMessageIntegrity, hmac);
}

void StunMessageBuilder::AddFingerprint() {
  PatchLength(kFingerprintAttributeBytes);
  std::array<std::byte, 4> value;
  base::ByteWriter(value).WriteU32(Fingerprint(writer_.written()));
  AddAttribute(AttributeType::kFingerprint, value);
}

std::optional<base::ByteSpan> StunMessageBuilder::Finish() const {
  if (!writer_.ok()) return std::nullopt;
  return writer_.written();
}

}  // namespace byon::stun
