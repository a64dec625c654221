#include <span>

#include "dataplane/pipeline/telephone_event_receiver.h"

// Reports of telephone-events, ten octets each: milliseconds since the last, timestamp, flags and payload.
// However they come, every event that starts ends exactly once, and never before it started.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  pipeline::TelephoneEventReceiver receiver;
  auto now = base::Timestamp::FromMilliseconds(1000);
  int open = 0;
  const auto follow = [&open](const pipeline::EventProgress& progress) {
    if (progress.has_ended_former) --open;
    if (open < 0) __builtin_trap();
    if (progress.has_started) ++open;
    if (progress.has_ended) --open;
    if (open < 0 || open > 1) __builtin_trap();
    if (progress.duration < base::TimeDelta()) __builtin_trap();
  };
  base::ByteReader reader(std::as_bytes(std::span(data, size)));
  while (reader.remaining() >= 10) {
    const unsigned choice = reader.ReadU8();
    now += base::TimeDelta::Milliseconds(reader.ReadU8() * ((choice & 1) != 0 ? 40 : 1));
    const rtp::RtpTimestamp timestamp{reader.ReadU32()};
    const auto report = rtp::TelephoneEvent::Parse(reader.ReadBytes(rtp::kTelephoneEventBytes));
    if ((choice & 2) != 0) {
      if (const auto lost_end = receiver.OnTick(now)) follow(*lost_end);
    }
    if ((choice & 0xf0) == 0xf0) receiver.Reset();
    if (!report) __builtin_trap();
    const uint32_t rates[] = {8000, 16'000, 48'000, 8000};
    follow(receiver.OnPacket(*report, timestamp, (choice & 4) != 0, rates[choice >> 3 & 3], now));
    if (receiver.is_active() != (open == 1)) __builtin_trap();
  }
  now += base::TimeDelta::Seconds(1);
  if (const auto lost_end = receiver.OnTick(now)) follow(*lost_end);
  if (open != 0 || receiver.is_active()) __builtin_trap();
  return 0;
}
