#include "dataplane/jitter/packet_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "dataplane/base/random.h"

namespace byon::jitter {
namespace {

std::vector<std::byte> Payload(int64_t number, size_t size) {
  return std::vector<std::byte>(size, static_cast<std::byte>(number));
}

void Add(PacketStore& store, int64_t number, size_t size) {
  const std::vector<std::byte> payload = Payload(number, size);
  StoredPacket packet;
  packet.sequence_number = number;
  packet.SetPayload(payload);
  store.Add(packet);
}

bool Holds(const StoredPacket& packet, int64_t number, size_t size) {
  const std::vector<std::byte> payload = Payload(number, size);
  return packet.sequence_number == number && std::ranges::equal(packet.payload(), payload);
}

// Against a map: whatever comes and goes in whatever order, every packet keeps its payload.
TEST(PacketStoreTest, KeepsPayloadsWhateverComesAndGoes) {
  base::Random random(1);
  for (const size_t largest : {size_t{70}, size_t{400}, kMaxPayloadBytes}) {
    PacketStore store;
    std::map<int64_t, size_t> model;
    size_t bytes = 0;
    int64_t next = 1000;
    for (int step = 0; step < 20'000; ++step) {
      const size_t size = random.NextBelow(static_cast<uint32_t>(largest) + 1);
      // Tides: now it fills, now it empties.
      const bool is_tide_in = step / 200 % 2 == 0;
      if (random.NextBelow(10) < (is_tide_in ? 6u : 4u) && store.HasRoomFor(size)) {
        const int64_t number = next++ ^ static_cast<int64_t>(random.NextBelow(2));
        if (!model.emplace(number, size).second) continue;
        Add(store, number, size);
        bytes += size;
      } else if (!store.empty()) {
        const auto first = model.begin();
        bytes -= first->second;
        if (random.NextBelow(2) == 0) {
          ASSERT_TRUE(Holds(store.PopFront(), first->first, first->second));
        } else {
          store.DropFront();
        }
        model.erase(first);
      }
      ASSERT_EQ(store.size(), model.size());
      size_t index = 0;
      for (const auto& [number, held] : model) {
        ASSERT_TRUE(Holds(store.at(index++), number, held)) << "step " << step;
      }
      if (bytes + kMaxPayloadBytes + largest <= kStoreBytes && model.size() < kPacketSlots) {
        ASSERT_TRUE(store.HasRoomFor(largest)) << "step " << step;
      }
    }
    store.Clear();
    EXPECT_TRUE(store.empty());
    EXPECT_TRUE(store.HasRoomFor(kMaxPayloadBytes));
  }
}

TEST(PacketStoreTest, IsFullByPacketsOrByBytes) {
  PacketStore store;
  for (size_t i = 0; i < kPacketSlots; ++i) {
    ASSERT_TRUE(store.HasRoomFor(50));
    Add(store, static_cast<int64_t>(i), 50);
  }
  EXPECT_FALSE(store.HasRoomFor(0));
  store.Clear();
  for (size_t i = 0; i < kStoreBytes / 1024; ++i) Add(store, static_cast<int64_t>(i), 1024);
  EXPECT_FALSE(store.HasRoomFor(1));
  EXPECT_TRUE(store.HasRoomFor(0));
  store.DropFront();
  EXPECT_TRUE(store.HasRoomFor(1024));
}

TEST(PacketStoreTest, WhatIsReadStaysUntilTheNextChange) {
  PacketStore store;
  Add(store, 1, 200);
  Add(store, 2, 200);
  const StoredPacket& front = store.PopFront();
  EXPECT_TRUE(Holds(front, 1, 200));
  EXPECT_TRUE(Holds(store.front(), 2, 200));
  EXPECT_TRUE(Holds(front, 1, 200)) << "looking changes nothing";
}

}  // namespace
}  // namespace byon::jitter
