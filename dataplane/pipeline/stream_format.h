#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/codec/codec_format.h"

namespace byon::pipeline {

// One "telephone-event" of a media description (RFC 4733 section 2.4).
struct TelephoneEventFormat {
  uint8_t payload_type = 0;
  uint32_t clock_rate_hz = 8000;
  bool operator==(const TelephoneEventFormat&) const = default;
};
inline constexpr size_t kMaxTelephoneEventFormats = 4;

// What one payload type of a stream carries, and the telephone-events that go with it in the same
// stream (same SSRC and sequence numbers).
struct StreamFormat {
  codec::CodecFormat codec;
  uint8_t payload_type = 0;
  base::FixedVector<TelephoneEventFormat, kMaxTelephoneEventFormats> telephone_events;
  // "audio/red" (RFC 2198) that repeats earlier packets of this format. Received only.
  std::optional<uint8_t> red_payload_type;

  bool operator==(const StreamFormat& other) const;
};

}  // namespace byon::pipeline
