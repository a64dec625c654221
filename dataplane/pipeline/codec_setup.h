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
  Entry* FindAudio(uint8_t payload_type) {
    const auto index = AudioIndex(payload_type);
    return index ? &entries_[*index] : nullptr;
  }
  const TelephoneEventFormat* FindTelephoneEvent(uint8_t payload_type) const;
  // Whether it carries redundant encodings (RFC 2198).
  bool IsRed(uint8_t payload_type) const { return (KindOf(payload_type) & kRed) != 0; }
  // Whether it carries nothing but audio.
  bool IsAudioOnly(uint8_t payload_type) const {
    const uint8_t kind = KindOf(payload_type);
    return (kind & kAudioMask) != 0 && (kind & ~kAudioMask) == 0;
  }
  Entry& preferred() { return entries_[0]; }
  std::span<Entry> entries() { return entries_; }
  // The place in entries() of what FindAudio() finds; nothing when it is none of ours.
  std::optional<size_t> AudioIndex(uint8_t payload_type) const;
  PlayoutBuffer& buffer() { return buffer_; }

 private:
  // What a payload type is, looked at for every packet: one more than the entry's place, or 0, and flags.
  static constexpr uint8_t kAudioMask = 0x0f;
  static constexpr uint8_t kTelephoneEvent = 0x40;
  static constexpr uint8_t kRed = 0x80;

  uint8_t KindOf(uint8_t payload_type) const { return kinds_[payload_type & 0x7f]; }
  void NoteKinds(const Entry& entry, uint8_t number);

  std::array<uint8_t, 128> kinds_{};
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
