#include "dataplane/session/session_change.h"

#include <utility>

namespace byon::session {
namespace {

std::bitset<128> PayloadTypesOf(const AudioDescription& audio) {
  std::bitset<128> result;
  for (const pipeline::StreamFormat& format : audio.receive) {
    result.set(format.payload_type & 0x7f);
    if (format.red_payload_type) result.set(*format.red_payload_type & 0x7f);
    for (const auto& event : format.telephone_events) result.set(event.payload_type & 0x7f);
  }
  return result;
}

// `other` is the description of the opposite leg, when there is one.
base::Result<PreparedAudio, codec::FormatError> PrepareLeg(const AudioDescription& audio,
                                                           const std::optional<AudioDescription>& other,
                                                           codec::AmrWbBatch* batch) {
  PreparedAudio result;
  const bool has_other_receive = other && !other->receive.empty();
  auto receive = pipeline::PrepareReceive(audio.receive, other ? &other->send : nullptr);
  if (!receive) return receive.error();
  auto send = pipeline::PrepareSend(audio.send, has_other_receive ? &other->receive[0] : nullptr, batch);
  if (!send) return send.error();
  result.receive = std::move(receive).value();
  result.send = std::move(send).value();
  result.payload_types = PayloadTypesOf(audio);
  result.receive_clock_hz = audio.receive.empty() ? 0 : codec::ClockRateHz(audio.receive[0].codec.codec);
  result.send_format = audio.send.codec;
  if (!audio.receive.empty()) result.receive_format = audio.receive[0].codec;
  return result;
}

// Of what the leg prefers to receive; 0 for nothing.
uint32_t ReceiveClockHz(const std::optional<AudioDescription>& audio) {
  const bool is_known = audio && !audio->receive.empty();
  return is_known ? codec::ClockRateHz(audio->receive[0].codec.codec) : 0;
}

bool SendsSameCodec(const std::optional<AudioDescription>& a, const std::optional<AudioDescription>& b) {
  return a && b && a->send.codec.codec == b->send.codec.codec;
}

}  // namespace

base::Result<std::unique_ptr<SessionChange>, codec::FormatError> PrepareSessionChange(SessionDescriptions descriptions,
                                                                                      SessionAudio& known,
                                                                                      codec::AmrWbBatch* batch) {
  auto change = std::make_unique<SessionChange>();
  SessionAudio next = known;
  if (descriptions.access && descriptions.access->audio) next.access = descriptions.access->audio;
  if (descriptions.ims && descriptions.ims->audio) next.ims = descriptions.ims->audio;

  // What is only said again is left alone: a new decoder would break the stream.
  if (next.access != known.access) {
    auto prepared = PrepareLeg(*next.access, next.ims, batch);
    if (!prepared) return prepared.error();
    change->access_audio = std::move(prepared).value();
  } else if (next.access && next.ims) {
    if (!SendsSameCodec(next.ims, known.ims)) {
      auto receive = pipeline::PrepareReceive(next.access->receive, &next.ims->send);
      if (!receive) return receive.error();
      change->access_receive = std::move(receive).value();
    }
    if (ReceiveClockHz(next.ims) != 0 && ReceiveClockHz(next.ims) != ReceiveClockHz(known.ims)) {
      auto send = pipeline::PrepareSend(next.access->send, &next.ims->receive[0], batch);
      if (!send) return send.error();
      change->access_send = std::move(send).value();
    }
  }
  if (next.ims != known.ims) {
    auto prepared = PrepareLeg(*next.ims, next.access, batch);
    if (!prepared) return prepared.error();
    change->ims_audio = std::move(prepared).value();
  }
  change->access = std::move(descriptions.access);
  change->ims = std::move(descriptions.ims);
  change->restart_ice = std::move(descriptions.restart_ice);
  known = std::move(next);
  return change;
}

}  // namespace byon::session
