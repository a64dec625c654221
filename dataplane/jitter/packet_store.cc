#include "dataplane/jitter/packet_store.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::jitter {

PacketStore::PacketStore()
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(kAllSlots * kMaxPayloadBytes)) {
  for (size_t i = kAllSlots; i-- > 0;) free_.PushBack(static_cast<uint8_t>(i));
}

void PacketStore::Add(const StoredPacket& packet) {
  BYON_CHECK(!full() && packet.payload.size() <= kMaxPayloadBytes, "the owner looks first");
  const uint8_t slot = free_.back();
  free_.PopBack();
  std::byte* bytes = bytes_.get() + slot * kMaxPayloadBytes;
  std::copy(packet.payload.begin(), packet.payload.end(), bytes);
  slots_[slot] = packet;
  slots_[slot].payload = {bytes, packet.payload.size()};
  order_.PushBack(slot);
  // Nearly always it belongs at the end already.
  for (size_t i = order_.size() - 1;
       i > 0 && slots_[order_[i - 1]].sequence_number > packet.sequence_number; --i) {
    std::swap(order_[i - 1], order_[i]);
  }
}

const StoredPacket& PacketStore::PopFront() {
  BYON_CHECK(!empty(), "there is a front");
  ReleaseLent();
  lent_ = order_[0];
  order_.Erase(0);
  return slots_[lent_];
}

void PacketStore::ReleaseLent() {
  if (lent_ == kNoSlot) return;
  free_.PushBack(lent_);
  lent_ = kNoSlot;
}

void PacketStore::Clear() {
  ReleaseLent();
  while (!order_.empty()) {
    free_.PushBack(order_.back());
    order_.PopBack();
  }
}

}  // namespace byon::jitter
