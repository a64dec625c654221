#pragma once

#include <cstdint>
#include <variant>

namespace byon::pipeline {

// The first decodable packet of a source has arrived.
struct MediaStarted {};
// A DTMF digit was received to its end.
struct DtmfReceived {
  char digit = 0;  // 0-9 * # A-D
  uint32_t duration_ms = 0;
};
// What PlayClip() was given has been played to its end.
struct ClipEnded {};
using PipelineEvent = std::variant<MediaStarted, DtmfReceived, ClipEnded>;

}  // namespace byon::pipeline
