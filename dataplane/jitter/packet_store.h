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

// A received packet, copied.
struct StoredPacket {
  int64_t sequence_number = 0;  // extended
  int64_t timestamp = 0;        // extended
  base::Timestamp arrival;
  uint32_t duration = 0;        // clock units
  uint8_t payload_type = 0;
  bool is_dtx = false;
  bool has_redundancy = false;
  bool helps_concealment = false;
  bool is_copy = false;         // came in a later packet (RFC 2198)
  bool is_audio = true;         // false: only keeps the sequence numbers whole
  base::ByteSpan payload;       // in the store's memory
};

// A fixed number of packets in the order of their sequence numbers. Freed slots are used again last in,
// first out, so a healthy stream touches two or three of them.
class PacketStore {
 public:
  PacketStore();

  bool empty() const { return order_.empty(); }
  bool full() const { return order_.full(); }
  size_t size() const { return order_.size(); }
  const StoredPacket& front() const { return slots_[order_[0]]; }
  const StoredPacket& at(size_t index) const { return slots_[order_[index]]; }
  // Copies `packet`, whose payload has at most kMaxPayloadBytes. Not full() before.
  void Add(const StoredPacket& packet);
  // Takes the front out of the order; its bytes stay until the next PopFront() or Clear().
  const StoredPacket& PopFront();
  void Clear();

 private:
  static constexpr uint8_t kNoSlot = 255;
  static constexpr size_t kAllSlots = kPacketSlots + 1;  // one may be lent to the reader

  void ReleaseLent();

  std::array<StoredPacket, kAllSlots> slots_;
  std::unique_ptr<std::byte[]> bytes_;  // kMaxPayloadBytes a slot, not touched before it is used
  base::FixedVector<uint8_t, kPacketSlots> order_;
  base::FixedVector<uint8_t, kAllSlots> free_;
  uint8_t lent_ = kNoSlot;
};

}  // namespace byon::jitter
