#include "dataplane/jitter/packet_store.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::jitter {

PacketStore::PacketStore() : bytes_(std::make_unique_for_overwrite<std::byte[]>(kStoreBytes)) {
  for (size_t i = kAllSlots; i-- > 0;) free_.PushBack(static_cast<uint8_t>(i));
}

void PacketStore::Add(const StoredPacket& packet) {
  const base::ByteSpan payload = packet.payload();
  const size_t size = payload.size();
  BYON_CHECK(HasRoomFor(size) && size <= kMaxPayloadBytes, "the owner looks first");
  ReleaseLent();
  // Moving costs less than a byte for each that was freed.
  if (end_ + size > kStoreBytes || (end_ >= kLooseBytes && used_bytes_ <= end_ / 4)) MoveTogether();
  const uint8_t slot = free_.back();
  free_.PopBack();
  std::byte* bytes = bytes_.get() + end_;
  std::copy(payload.begin(), payload.end(), bytes);
  end_ += size;
  used_bytes_ += size;
  slots_[slot] = packet;
  slots_[slot].payload_bytes = bytes;
  order_.PushBack(slot);
  // Nearly always it belongs at the end already.
  for (size_t i = order_.size() - 1; i > 0 && slots_[order_[i - 1]].sequence_number > packet.sequence_number; --i) {
    std::swap(order_[i - 1], order_[i]);
  }
}

void PacketStore::MoveTogether() {
  std::array<uint8_t, kPacketSlots> by_place;
  const auto end = std::copy(order_.begin(), order_.end(), by_place.begin());
  std::sort(by_place.begin(), end,
            [this](uint8_t a, uint8_t b) { return slots_[a].payload_bytes < slots_[b].payload_bytes; });
  end_ = 0;
  for (auto slot = by_place.begin(); slot != end; ++slot) {
    const base::ByteSpan payload = slots_[*slot].payload();
    std::byte* bytes = bytes_.get() + end_;
    std::copy(payload.begin(), payload.end(), bytes);  // towards the front
    slots_[*slot].payload_bytes = bytes;
    end_ += payload.size();
  }
}

const StoredPacket& PacketStore::PopFront() {
  BYON_CHECK(!empty(), "there is a front");
  ReleaseLent();
  lent_ = order_[0];
  order_.Erase(0);
  return slots_[lent_];
}

void PacketStore::Drop(size_t index) {
  ReleaseLent();
  const uint8_t slot = order_[index];
  order_.Erase(index);
  Free(slot);
}

void PacketStore::Free(uint8_t slot) {
  used_bytes_ -= slots_[slot].payload_size;
  if (used_bytes_ == 0) end_ = 0;
  free_.PushBack(slot);
}

void PacketStore::ReleaseLent() {
  if (lent_ != kNoSlot) Free(std::exchange(lent_, kNoSlot));
}

void PacketStore::Clear() {
  ReleaseLent();
  while (!order_.empty()) {
    Free(order_.back());
    order_.PopBack();
  }
}

}  // namespace byon::jitter
