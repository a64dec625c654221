#include "dataplane/codec/payload_description.h"

#include "dataplane/codec/amr_payload.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/opus_packet.h"

namespace byon::codec {
namespace {

std::optional<PayloadDescription> DescribeAmr(Codec codec, bool is_octet_aligned, base::ByteSpan payload) {
  const auto view = AmrPayloadView::Parse(codec, is_octet_aligned, payload);
  if (!view) return std::nullopt;
  const size_t samples_per_frame = SamplesPerFrame(static_cast<int>(ClockRateHz(codec)));
  PayloadDescription description;
  description.duration = static_cast<uint32_t>(view->table_of_contents().size() * samples_per_frame);
  description.codec_mode_request = view->codec_mode_request();
  for (const TableOfContentsEntry& entry : view->table_of_contents()) {
    if (IsAmrSpeech(codec, entry.frame_type)) description.amr_mode = entry.frame_type;
  }
  // What ends with SID or NO_DATA is followed by silence; a lost frame at the end is not.
  const TableOfContentsEntry last = view->table_of_contents().back();
  description.is_dtx = IsAmrSid(codec, last.frame_type) || last.frame_type == kNoDataFrameType;
  return description;
}

std::optional<PayloadDescription> DescribeOpus(base::ByteSpan payload) {
  const std::optional<OpusPacketDescription> packet = DescribeOpusPacket(payload);
  if (!packet) return std::nullopt;
  PayloadDescription description;
  description.duration = packet->duration;
  description.is_dtx = packet->is_dtx;
  description.has_redundancy = packet->has_inband_fec;
  return description;
}

std::optional<PayloadDescription> DescribeG711(base::ByteSpan payload) {
  constexpr size_t kMaxPacketBytes = 8 * kMaxPacketMs;
  if (payload.empty() || payload.size() > kMaxPacketBytes) return std::nullopt;
  PayloadDescription description;
  description.duration = static_cast<uint32_t>(payload.size());
  return description;
}

}  // namespace

std::optional<PayloadDescription> DescribePayload(Codec codec, bool is_octet_aligned, base::ByteSpan payload) {
  switch (codec) {
    case Codec::kOpus: return DescribeOpus(payload);
    case Codec::kAmrWb:
    case Codec::kAmr: return DescribeAmr(codec, is_octet_aligned, payload);
    case Codec::kPcmu:
    case Codec::kPcma: return DescribeG711(payload);
  }
  return std::nullopt;
}

}  // namespace byon::codec
