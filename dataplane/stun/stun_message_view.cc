#include "dataplane/stun/stun_message_view.h"

#include <algorithm>
#include <cstring>

namespace byon::stun {
namespace {

constexpr size_t kAttributeHeaderBytes = 4;
constexpr uint16_t kFirstOptionalType = 0x8000;

// Comprehension-required attributes this room knows, RFC 8489 section 18.3 and RFC 8445
// section 16.1. REALM and NONCE mean nothing with short-term credentials, and are known to mean
// nothing.
constexpr uint16_t kUnderstood[] = {0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x0020, 0x0024, 0x0025};

struct Attribute {
  uint16_t type = 0;
  base::ByteSpan value;
};

// Reads one attribute and its padding; the reader fails when it does not fit.
Attribute ReadAttribute(base::ByteReader& reader) {
  Attribute attribute;
  attribute.type = reader.ReadU16();
  const size_t length = reader.ReadU16();
  attribute.value = reader.ReadBytes(length);
  reader.Skip((4 - length % 4) % 4);
  return attribute;
}

}  // namespace

base::Result<StunMessageView, DropReason> StunMessageView::Parse(base::ByteSpan datagram) {
  base::ByteReader header(datagram);
  const uint16_t type = header.ReadU16();
  const size_t length = header.ReadU16();
  const uint32_t cookie = header.ReadU32();
  header.Skip(sizeof(TransactionId));
  if (!header.ok()) return DropReason::kTruncated;
  if ((type & 0xC000) != 0) return DropReason::kBadType;
  if (cookie != kMagicCookie) return DropReason::kBadCookie;
  if (length > header.remaining()) return DropReason::kTruncated;
  if (length % 4 != 0 || length != header.remaining()) return DropReason::kBadLength;

  StunMessageView view(datagram);
  // The class bits stand between the method's: RFC 8489 section 5, figure 3.
  view.class_ = static_cast<MessageClass>((type >> 7 & 2) | (type >> 4 & 1));
  view.method_ = static_cast<uint16_t>((type & 0x000F) | (type >> 1 & 0x0070) | (type >> 2 & 0x0F80));
  base::ByteReader reader(datagram);
  reader.Skip(kHeaderBytes);
  while (reader.remaining() > 0) {
    const size_t offset = reader.position();
    const Attribute attribute = ReadAttribute(reader);
    if (!reader.ok()) return DropReason::kBadAttribute;
    if (view.fingerprint_offset_ != 0) continue;
    if (attribute.type == static_cast<uint16_t>(AttributeType::kFingerprint)) {
      view.fingerprint_offset_ = offset;
    } else if (attribute.type == static_cast<uint16_t>(AttributeType::kMessageIntegrity) &&
               view.integrity_offset_ == 0) {
      view.integrity_offset_ = offset;
    } else {
      continue;
    }
    if (view.visible_end_ == 0) view.visible_end_ = offset;
  }
  if (view.visible_end_ == 0) view.visible_end_ = datagram.size();
  return view;
}

TransactionId StunMessageView::transaction_id() const {
  TransactionId id;
  std::memcpy(id.data(), datagram_.data() + 8, id.size());
  return id;
}

std::optional<base::ByteSpan> StunMessageView::Find(AttributeType type) const {
  base::ByteReader reader(datagram_.first(visible_end_));
  reader.Skip(kHeaderBytes);
  while (reader.remaining() > 0) {
    const Attribute attribute = ReadAttribute(reader);
    if (attribute.type == static_cast<uint16_t>(type)) return attribute.value;
  }
  return std::nullopt;
}

std::optional<uint64_t> StunMessageView::FindInteger(AttributeType type, size_t width) const {
  const auto value = Find(type);
  if (!value || value->size() != width) return std::nullopt;
  base::ByteReader reader(*value);
  return width == 4 ? reader.ReadU32() : reader.ReadU64();
}

std::optional<uint32_t> StunMessageView::priority() const {
  const auto value = FindInteger(AttributeType::kPriority, 4);
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}
std::optional<uint64_t> StunMessageView::ice_controlling() const {
  return FindInteger(AttributeType::kIceControlling, 8);
}
std::optional<uint64_t> StunMessageView::ice_controlled() const {
  return FindInteger(AttributeType::kIceControlled, 8);
}

// RFC 8489 section 14.2.
std::optional<net::SocketAddress> StunMessageView::xor_mapped_address() const {
  const auto value = Find(AttributeType::kXorMappedAddress);
  if (!value) return std::nullopt;
  base::ByteReader reader(*value);
  reader.Skip(1);
  const uint8_t family = reader.ReadU8();
  const auto port = static_cast<uint16_t>(reader.ReadU16() ^ (kMagicCookie >> 16));
  const base::ByteSpan masked = reader.rest();
  if (!reader.ok() || masked.size() != (family == 1 ? 4u : 16u) || family < 1 || family > 2) {
    return std::nullopt;
  }
  // The mask is the cookie and the transaction id, as they stand in the header.
  std::array<std::byte, 16> address{};
  for (size_t i = 0; i < masked.size(); ++i) address[i] = masked[i] ^ datagram_[4 + i];
  const auto ip = net::IpAddress::FromBytes(base::ByteSpan(address).first(masked.size()));
  return net::SocketAddress{*ip, port};
}

// RFC 8489 section 14.8.
std::optional<uint16_t> StunMessageView::error_code() const {
  const auto value = Find(AttributeType::kErrorCode);
  if (!value || value->size() < 4) return std::nullopt;
  base::ByteReader reader(*value);
  reader.Skip(2);
  const auto hundreds = static_cast<uint16_t>(reader.ReadU8() & 0x07);
  return static_cast<uint16_t>(hundreds * 100 + reader.ReadU8() % 100);
}

bool StunMessageView::VerifyIntegrity(const IntegrityKey& key) const {
  if (!has_message_integrity()) return false;
  base::ByteReader reader(datagram_.subspan(integrity_offset_));
  const base::ByteSpan expected = ReadAttribute(reader).value;
  // The HMAC was made when the header's length ended at this attribute.
  std::array<std::byte, kHeaderBytes> header;
  std::copy_n(datagram_.begin(), kHeaderBytes, header.begin());
  const size_t length = integrity_offset_ + kAttributeHeaderBytes + kMessageIntegrityBytes - kHeaderBytes;
  header[2] = static_cast<std::byte>(length >> 8);
  header[3] = static_cast<std::byte>(length & 0xff);
  return key.Verify(header, datagram_.subspan(kHeaderBytes, integrity_offset_ - kHeaderBytes), expected);
}

bool StunMessageView::VerifyFingerprint() const {
  if (!has_fingerprint()) return false;
  base::ByteReader reader(datagram_.subspan(fingerprint_offset_));
  reader.Skip(kAttributeHeaderBytes);
  const uint32_t expected = reader.ReadU32();
  return reader.ok() && reader.remaining() == 0 && expected == Fingerprint(datagram_.first(fingerprint_offset_));
}

StunMessageView::UnknownAttributes StunMessageView::UnknownRequiredAttributes() const {
  UnknownAttributes unknown;
  base::ByteReader reader(datagram_.first(visible_end_));
  reader.Skip(kHeaderBytes);
  while (reader.remaining() > 0 && !unknown.full()) {
    const uint16_t type = ReadAttribute(reader).type;
    if (type >= kFirstOptionalType) continue;
    if (std::find(std::begin(kUnderstood), std::end(kUnderstood), type) != std::end(kUnderstood)) {
      continue;
    }
    (void)unknown.PushBack(type);
  }
  return unknown;
}

}  // namespace byon::stun
