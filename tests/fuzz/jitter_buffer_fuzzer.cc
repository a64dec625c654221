#include <array>
#include <span>

#include "dataplane/jitter/jitter_buffer.h"

namespace {

using namespace byon;

constexpr uint32_t kClock = 16'000;
constexpr uint32_t kTick = kClock / 50;

// One tick as play-out does it: pieces until 20 ms are there. They make progress.
void Pull(jitter::JitterBuffer& buffer, base::Timestamp now, uint32_t& left) {
  for (int pieces = 0; left < kTick; ++pieces) {
    if (pieces > 200) __builtin_trap();
    const jitter::PlayoutFrame frame = buffer.PopFrame(now, left);
    if (frame.decision == jitter::PlayoutDecision::kNothing) break;
    if (frame.duration == 0 && frame.decision != jitter::PlayoutDecision::kNormal) __builtin_trap();
    if (frame.decision == jitter::PlayoutDecision::kNormal && frame.payload.size() != 3) {
      __builtin_trap();
    }
    left += frame.duration;
  }
  if (left >= kTick) {
    (void)buffer.NextAdjustment(now, left);
    left -= kTick;
  } else {
    left = 0;
  }
}

}  // namespace

// Packets and time, twelve octets each: what kind, how long after the last, sequence number, timestamp,
// duration. Ticks run in between.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  jitter::JitterBuffer buffer(kClock);
  auto now = base::Timestamp::FromMilliseconds(5000);
  auto tick = now;
  uint32_t left = 0;
  const std::array<std::byte, 3> payload{};
  base::ByteReader reader(std::as_bytes(std::span(data, size)));
  while (reader.remaining() >= 12) {
    const unsigned kind = reader.ReadU8();
    now += base::TimeDelta::Milliseconds(reader.ReadU16() % 4000);
    for (; tick < now; tick += jitter::JitterBuffer::kTick) Pull(buffer, tick, left);
    jitter::StreamPacket packet;
    packet.ssrc = {reader.ReadU8() & 3u};
    packet.sequence_number = {reader.ReadU16()};
    packet.timestamp = {reader.ReadU32()};
    packet.payload = payload;
    const uint32_t duration = 1 + reader.ReadU16() % (kClock / 4);
    const jitter::PacketTraits traits{.duration = duration,
                                      .is_dtx = (kind & 1) != 0,
                                      .has_redundancy = (kind & 2) != 0,
                                      .plays_in_parts = (kind & 0x20) != 0};
    if ((kind & 0x0c) == 0x0c) {
      (void)buffer.InsertCopy(packet, traits, now);
    } else {
      (void)buffer.Insert(packet, traits, now);
    }
    if ((kind & 0xf0) == 0xf0) buffer.Reset(kClock, (kind & 1) != 0);
    if (buffer.target_delay() < base::TimeDelta()) __builtin_trap();
  }
  for (int i = 0; i < 20; ++i, tick += jitter::JitterBuffer::kTick) Pull(buffer, tick, left);
  return 0;
}
