#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/pipeline/playout_buffer.h"
#include "dataplane/pipeline/stream_format.h"
#include "dataplane/pipeline/transcoding_pipeline.h"

namespace byon::pipeline {

inline constexpr size_t kMaxReceiveFormats = 8;

// What PrepareReceive() makes: one decoder for each format, and the room for what they decode.
class ReceiveSetup {
 public:
  struct Entry {
    StreamFormat format;
    std::unique_ptr<codec::AudioDecoder> decoder;
  };
  // `formats`: one to eight that passed CheckFormat().
  ReceiveSetup(std::span<const StreamFormat> formats, const StreamFormat* send);

  // Null when the payload type is none of ours.
  Entry* FindAudio(uint8_t payload_type);
  const TelephoneEventFormat* FindTelephoneEvent(uint8_t payload_type) const;
  // Whether it carries redundant encodings (RFC 2198).
  bool IsRed(uint8_t payload_type) const;
  Entry& preferred() { return entries_[0]; }
  std::span<Entry> entries() { return entries_; }
  PlayoutBuffer& buffer() { return buffer_; }

 private:
  std::vector<Entry> entries_;
  PlayoutBuffer buffer_;
};

// What PrepareSend() makes.
class SendSetup {
 public:
  // `format` has passed CheckFormat(); `batch` may be null.
  SendSetup(const StreamFormat& format, const StreamFormat* receive, codec::AmrWbBatch* batch);

  const StreamFormat& format() const { return format_; }
  codec::AudioEncoder& encoder() { return *encoder_; }
  uint32_t clock_rate_hz() const { return codec::ClockRateHz(format_.codec.codec); }
  // The telephone-event of the audio's own clock, else any; null when there is none.
  const TelephoneEventFormat* telephone_event() const;

 private:
  StreamFormat format_;
  std::unique_ptr<codec::AudioEncoder> encoder_;
};

}  // namespace byon::pipeline
