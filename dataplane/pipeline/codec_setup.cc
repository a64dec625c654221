#include "dataplane/pipeline/codec_setup.h"

#include <algorithm>

namespace byon::pipeline {
namespace {

// Audio that may wait decoded: the rest of a tick, the longest packet, and what stretching adds.
int BufferMs(std::span<const StreamFormat> formats) {
  const bool is_opus = std::ranges::all_of(
      formats, [](const StreamFormat& f) { return f.codec.codec == codec::Codec::kOpus; });
  return (is_opus ? codec::kMaxOpusPacketMs : codec::kMaxPacketMs) + 80;
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
    entries_.push_back(
        {format, codec::MakeAudioDecoder(format.codec, NativeRateHz(format, send))});
  }
  buffer_.Restart(entries_[0].decoder->sample_rate_hz());
}

ReceiveSetup::Entry* ReceiveSetup::FindAudio(uint8_t payload_type) {
  const auto found = std::ranges::find_if(
      entries_, [=](const Entry& e) { return e.format.payload_type == payload_type; });
  return found == entries_.end() ? nullptr : &*found;
}

const TelephoneEventFormat* ReceiveSetup::FindTelephoneEvent(uint8_t payload_type) const {
  for (const Entry& entry : entries_) {
    for (const TelephoneEventFormat& event : entry.format.telephone_events) {
      if (event.payload_type == payload_type) return &event;
    }
  }
  return nullptr;
}

bool ReceiveSetup::IsRed(uint8_t payload_type) const {
  return std::ranges::any_of(
      entries_, [=](const Entry& e) { return e.format.red_payload_type == payload_type; });
}

SendSetup::SendSetup(const StreamFormat& format, const StreamFormat* receive,
                     codec::AmrWbBatch* batch)
    : format_(format),
      encoder_(codec::MakeAudioEncoder(format.codec, NativeRateHz(format, receive), batch)) {}

const TelephoneEventFormat* SendSetup::telephone_event() const {
  const auto& events = format_.telephone_events;
  if (events.empty()) return nullptr;
  const auto same_clock = std::ranges::find_if(events, [this](const TelephoneEventFormat& event) {
    return event.clock_rate_hz == clock_rate_hz();
  });
  return same_clock != events.end() ? same_clock : events.begin();
}

void ReceiveSetupDeleter::operator()(ReceiveSetup* setup) const { delete setup; }
void SendSetupDeleter::operator()(SendSetup* setup) const { delete setup; }

base::Result<ReceiveSetupPtr, codec::FormatError> PrepareReceive(
    std::span<const StreamFormat> formats, const StreamFormat* send) {
  formats = formats.first(std::min(formats.size(), kMaxReceiveFormats));
  if (formats.empty()) return ReceiveSetupPtr();
  for (const StreamFormat& format : formats) {
    if (const auto error = codec::CheckFormat(format.codec)) return *error;
  }
  return ReceiveSetupPtr(new ReceiveSetup(formats, send));
}

base::Result<SendSetupPtr, codec::FormatError> PrepareSend(const StreamFormat& send,
                                                           const StreamFormat* receive,
                                                           codec::AmrWbBatch* batch) {
  if (const auto error = codec::CheckFormat(send.codec)) return *error;
  return SendSetupPtr(new SendSetup(send, receive, batch));
}

}  // namespace byon::pipeline
