#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"

namespace byon::jitter {

inline constexpr size_t kMaxPayloadBytes = 1500;
inline constexpr size_t kPacketSlots = 64;  // 1.28 s at 20 ms
// Of all payloads together: the 0.5 s that play-out ever lets wait, at the 64 kbit/s of G.711. Browsers are told to
// send less; of more than that the newest is kept.
inline constexpr size_t kStoreBytes = 4 * 1024;

// A received packet, copied.
struct StoredPacket {
  int64_t sequence_number = 0;  // extended
  int64_t timestamp = 0;        // extended
  base::Timestamp arrival;
  const std::byte* payload_bytes = nullptr;  // in the store's memory
  uint32_t duration = 0;                     // clock units
  uint16_t payload_size = 0;
  uint8_t payload_type = 0;
  bool is_dtx : 1 = false;
  bool has_redundancy : 1 = false;
  bool helps_concealment : 1 = false;
  bool plays_in_parts : 1 = false;
  bool is_copy : 1 = false;  // came in a later packet (RFC 2198)
  bool is_audio : 1 = true;  // false: only keeps the sequence numbers whole

  base::ByteSpan payload() const { return {payload_bytes, payload_size}; }
  // At most kMaxPayloadBytes.
  void SetPayload(base::ByteSpan payload) {
    payload_bytes = payload.data();
    payload_size = static_cast<uint16_t>(payload.size());
  }
};
static_assert(sizeof(StoredPacket) <= 40, "a call holds 130 of them");

// A fixed number of packets, and of bytes, in the order of their sequence numbers. The bytes are kept together at
// the front of the memory, so a healthy stream touches little of it.
class PacketStore {
 public:
  PacketStore();

  bool empty() const { return order_.empty(); }
  size_t size() const { return order_.size(); }
  const StoredPacket& front() const { return slots_[order_[0]]; }
  const StoredPacket& at(size_t index) const { return slots_[order_[index]]; }
  // Whether one more packet with such a payload, at most kMaxPayloadBytes, fits.
  bool HasRoomFor(size_t payload_bytes) const {
    const size_t lent_bytes = lent_ == kNoSlot ? 0 : slots_[lent_].payload_size;  // given back by then
    return !order_.full() && used_bytes_ - lent_bytes + payload_bytes <= kStoreBytes;
  }
  // Copies `packet`, for which there is room. Payloads of others may move.
  void Add(const StoredPacket& packet);
  // Takes the front out of the order; it stays until the next call that changes the store.
  const StoredPacket& PopFront();
  // The same where nobody wants to read it.
  void DropFront() { Drop(0); }
  void Drop(size_t index);
  void Clear();

 private:
  static constexpr uint8_t kNoSlot = 255;
  static constexpr size_t kAllSlots = kPacketSlots + 1;  // one may be lent to the reader
  // Below this nothing is gained by moving payloads together.
  static constexpr size_t kLooseBytes = 1024;

  void Free(uint8_t slot);
  void ReleaseLent();
  void MoveTogether();

  std::array<StoredPacket, kAllSlots> slots_;
  std::unique_ptr<std::byte[]> bytes_;  // kStoreBytes
  size_t end_ = 0;                      // behind the last payload
  size_t used_bytes_ = 0;               // before it, without the gaps
  base::FixedVector<uint8_t, kPacketSlots> order_;
  base::FixedVector<uint8_t, kAllSlots> free_;
  uint8_t lent_ = kNoSlot;
};

}  // namespace byon::jitter
