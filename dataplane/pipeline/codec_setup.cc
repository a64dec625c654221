#include "dataplane/pipeline/codec_setup.h"

#include <algorithm>

#include "dataplane/jitter/jitter_buffer.h"

namespace byon::pipeline {
namespace {

// A packet is decoded on top of less than a tick and the pitch period that compressing wants to see; stretching adds
// another one.
constexpr int kBesidesPacketMs = 20 + 13 + 13;

// Audio that may wait decoded: packets of Opus are decoded as a whole, those of the others 20 ms by 20 ms.
int BufferMs(std::span<const StreamFormat> formats) {
  const bool has_opus =
      std::ranges::any_of(formats, [](const StreamFormat& f) { return f.codec.codec == codec::Codec::kOpus; });
  constexpr auto kLongestPartMs = static_cast<int>(jitter::JitterBuffer::kLongestPart.milliseconds());
  return (has_opus ? codec::kMaxOpusPacketMs : kLongestPartMs) + kBesidesPacketMs;
}

// The sample rate that a format's own codec works at; Opus adapts to the other side.
int NativeRateHz(const StreamFormat& format, const StreamFormat* other) {
  if (format.codec.codec != codec::Codec::kOpus) {
    return static_cast<int>(codec::ClockRateHz(format.codec.codec));
  }
  if (other == nullptr) return 16'000;
  return static_cast<int>(codec::ClockRateHz(other->codec.codec));
}

int HighestRateHz(std::span<const StreamFormat> formats, const StreamFormat* send) {
  int rate_hz = 8000;
  for (const StreamFormat& format : formats) {
    rate_hz = std::max(rate_hz, NativeRateHz(format, send));
  }
  return rate_hz;
}

}  // namespace

ReceiveSetup::ReceiveSetup(std::span<const StreamFormat> formats, const StreamFormat* send)
    : buffer_(HighestRateHz(formats, send), BufferMs(formats)) {
  entries_.reserve(formats.size());
  for (const StreamFormat& format : formats) {
    entries_.push_back({format, codec::MakeAudioDecoder(format.codec, NativeRateHz(format, send))});
    NoteKinds(entries_.back(), static_cast<uint8_t>(entries_.size()));
  }
  buffer_.Restart(entries_[0].decoder->sample_rate_hz());
}

void ReceiveSetup::NoteKinds(const Entry& entry, uint8_t number) {
  static_assert(kMaxReceiveFormats <= kAudioMask);
  const auto kind = [this](uint8_t payload_type) -> uint8_t& { return kinds_[payload_type & 0x7f]; };
  uint8_t& audio = kind(entry.format.payload_type);
  if ((audio & kAudioMask) == 0) audio |= number;  // the first of a number counts
  for (const TelephoneEventFormat& event : entry.format.telephone_events) {
    kind(event.payload_type) |= kTelephoneEvent;
  }
  if (entry.format.red_payload_type) kind(*entry.format.red_payload_type) |= kRed;
}

std::optional<size_t> ReceiveSetup::AudioIndex(uint8_t payload_type) const {
  const size_t number = KindOf(payload_type) & kAudioMask;
  return number == 0 ? std::nullopt : std::optional(number - 1);
}

const TelephoneEventFormat* ReceiveSetup::FindTelephoneEvent(uint8_t payload_type) const {
  if ((KindOf(payload_type) & kTelephoneEvent) == 0) return nullptr;
  for (const Entry& entry : entries_) {
    for (const TelephoneEventFormat& event : entry.format.telephone_events) {
      if (event.payload_type == payload_type) return &event;
    }
  }
  return nullptr;
}

SendSetup::SendSetup(const StreamFormat& format, const StreamFormat* receive, codec::AmrWbBatch* batch)
    : format_(format), encoder_(codec::MakeAudioEncoder(format.codec, NativeRateHz(format, receive), batch)) {}

const TelephoneEventFormat* SendSetup::telephone_event() const {
  const auto& events = format_.telephone_events;
  if (events.empty()) return nullptr;
  const auto same_clock = std::ranges::find_if(
      events, [this](const TelephoneEventFormat& event) { return event.clock_rate_hz == clock_rate_hz(); });
  return same_clock != events.end() ? same_clock : events.begin();
}

void ReceiveSetupDeleter::operator()(ReceiveSetup* setup) const { delete setup; }
void SendSetupDeleter::operator()(SendSetup* setup) const { delete setup; }

base::Result<ReceiveSetupPtr, codec::FormatError> PrepareReceive(std::span<const StreamFormat> formats,
                                                                 const StreamFormat* send) {
  formats = formats.first(std::min(formats.size(), kMaxReceiveFormats));
  if (formats.empty()) return ReceiveSetupPtr();
  for (const StreamFormat& format : formats) {
    if (const auto error = codec::CheckFormat(format.codec)) return *error;
  }
  return ReceiveSetupPtr(new ReceiveSetup(formats, send));
}

base::Result<SendSetupPtr, codec::FormatError> PrepareSend(const StreamFormat& send, const StreamFormat* receive,
                                                           codec::AmrWbBatch* batch) {
  if (const auto error = codec::CheckFormat(send.codec)) return *error;
  return SendSetupPtr(new SendSetup(send, receive, batch));
}

}  // namespace byon::pipeline
