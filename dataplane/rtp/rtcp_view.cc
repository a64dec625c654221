#include "dataplane/rtp/rtcp_view.h"

namespace byon::rtp {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr uint8_t kCnameItem = 1;  // RFC 3550 section 6.5.1

ReportBlock ReadReportBlock(base::ByteReader& reader) {
  ReportBlock block;
  block.source = {reader.ReadU32()};
  block.fraction_lost = reader.ReadU8();
  const auto lost = static_cast<int32_t>(reader.ReadU24());
  block.cumulative_lost = lost >= 0x800000 ? lost - 0x1000000 : lost;
  block.extended_highest_sequence_number = reader.ReadU32();
  block.jitter = reader.ReadU32();
  block.last_sr = reader.ReadU32();
  block.delay_since_last_sr = reader.ReadU32();
  return block;
}

// Bytes behind the blocks are profile extensions (RFC 3550 section 6.4.3) and are let pass.
bool ReadReportBlocks(base::ByteReader& reader, size_t count, ReportBlocks& blocks) {
  for (size_t i = 0; i < count; ++i) {
    const ReportBlock block = ReadReportBlock(reader);
    if (!reader.ok()) return false;
    (void)blocks.PushBack(block);
  }
  return reader.ok();
}

// Reads one chunk's items up to the null item and the 32-bit boundary behind it.
bool ReadChunk(base::ByteReader& reader, SourceDescription& chunk) {
  chunk.source = {reader.ReadU32()};
  while (reader.ok()) {
    const uint8_t type = reader.ReadU8();
    if (type == 0) {
      // Chunks start on 32-bit boundaries of the body.
      reader.Skip((4 - reader.position() % 4) % 4);
      return reader.ok();
    }
    const base::ByteSpan value = reader.ReadBytes(reader.ReadU8());
    if (type == kCnameItem && reader.ok()) chunk.cname = value;
  }
  return false;
}

}  // namespace

std::optional<SenderReport> RtcpBlockView::ParseSenderReport() const {
  if (type() != RtcpType::kSenderReport) return std::nullopt;
  base::ByteReader reader(body_);
  SenderReport report;
  report.sender = {reader.ReadU32()};
  report.info.ntp = NtpTime(reader.ReadU64());
  report.info.rtp_timestamp = {reader.ReadU32()};
  report.info.packet_count = reader.ReadU32();
  report.info.octet_count = reader.ReadU32();
  if (!ReadReportBlocks(reader, count_, report.blocks)) return std::nullopt;
  return report;
}

std::optional<ReceiverReport> RtcpBlockView::ParseReceiverReport() const {
  if (type() != RtcpType::kReceiverReport) return std::nullopt;
  base::ByteReader reader(body_);
  ReceiverReport report;
  report.sender = {reader.ReadU32()};
  if (!ReadReportBlocks(reader, count_, report.blocks)) return std::nullopt;
  return report;
}

std::optional<SourceDescriptions> RtcpBlockView::ParseSourceDescriptions() const {
  if (type() != RtcpType::kSourceDescription) return std::nullopt;
  base::ByteReader reader(body_);
  SourceDescriptions chunks;
  for (size_t i = 0; i < count_; ++i) {
    SourceDescription chunk;
    if (!ReadChunk(reader, chunk)) return std::nullopt;
    (void)chunks.PushBack(chunk);
  }
  return chunks;
}

std::optional<Bye> RtcpBlockView::ParseBye() const {
  if (type() != RtcpType::kBye) return std::nullopt;
  base::ByteReader reader(body_);
  Bye bye;
  for (size_t i = 0; i < count_; ++i) (void)bye.sources.PushBack({reader.ReadU32()});
  if (reader.ok() && reader.remaining() > 0) bye.reason = reader.ReadBytes(reader.ReadU8());
  if (!reader.ok()) return std::nullopt;
  return bye;
}

std::optional<FeedbackMessage> RtcpBlockView::ParseFeedback() const {
  if (type() != RtcpType::kTransportFeedback && type() != RtcpType::kPayloadFeedback) {
    return std::nullopt;
  }
  base::ByteReader reader(body_);
  FeedbackMessage message;
  message.format = count_;
  message.sender = {reader.ReadU32()};
  message.media_source = {reader.ReadU32()};
  message.control_information = reader.rest();
  if (!reader.ok()) return std::nullopt;
  return message;
}

base::Result<RtcpView, DropReason> RtcpView::Parse(base::ByteSpan datagram, bool allow_reduced_size) {
  base::ByteReader reader(datagram);
  bool is_first = true;
  do {
    const uint8_t first = reader.ReadU8();
    const uint8_t type = reader.ReadU8();
    const size_t body_bytes = size_t{reader.ReadU16()} * 4;
    if (!reader.ok()) return DropReason::kRtcpTruncated;
    if (first >> 6 != 2) return DropReason::kRtcpBadVersion;
    if (type < 192 || type > 223) return DropReason::kRtcpBadType;
    const bool is_report = type == static_cast<uint8_t>(RtcpType::kSenderReport) ||
                           type == static_cast<uint8_t>(RtcpType::kReceiverReport);
    if (is_first && !allow_reduced_size && !is_report) return DropReason::kRtcpBadType;
    const base::ByteSpan body = reader.ReadBytes(body_bytes);
    if (!reader.ok()) return DropReason::kRtcpTruncated;
    if ((first & 0x20) != 0) {
      // Only the last block may be padded (RFC 3550 section 6.4.1), by a multiple of four.
      const size_t padding = body.empty() ? 0 : std::to_integer<size_t>(body.back());
      if (reader.remaining() > 0 || padding == 0 || padding % 4 != 0 || padding > body.size()) {
        return DropReason::kRtcpBadPadding;
      }
    }
    is_first = false;
  } while (reader.remaining() > 0);
  return RtcpView(datagram);
}

Ssrc RtcpView::sender() const {
  base::ByteReader reader(datagram_.subspan(kHeaderBytes));
  return {reader.ReadU32()};
}

RtcpView::Iterator::Iterator(base::ByteSpan rest) : rest_(rest) { Load(); }

void RtcpView::Iterator::Load() {
  base::ByteReader reader(rest_);
  const uint8_t first = reader.ReadU8();
  const uint8_t type = reader.ReadU8();
  base::ByteSpan body = reader.ReadBytes(size_t{reader.ReadU16()} * 4);
  if ((first & 0x20) != 0 && !body.empty()) {
    body = body.first(body.size() - std::to_integer<size_t>(body.back()));
  }
  block_ = RtcpBlockView(type, first & 0x1f, body);
}

RtcpView::Iterator& RtcpView::Iterator::operator++() {
  base::ByteReader reader(rest_);
  reader.Skip(2);
  reader.Skip(size_t{reader.ReadU16()} * 4);
  rest_ = reader.rest();
  Load();
  return *this;
}

}  // namespace byon::rtp
