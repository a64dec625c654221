#include "dataplane/pipeline/playout_stage.h"

#include <algorithm>
#include <utility>

namespace byon::pipeline {
namespace {

using jitter::PlayoutDecision;
using Urgency = codec::TimeScaler::Urgency;

// Far more pieces than any 20 ms is made of: 2.5 ms packets make eight.
constexpr int kMaxPiecesPerTick = 16;

uint64_t FramesIn(size_t samples, int sample_rate_hz) {
  const size_t frame = codec::SamplesPerFrame(sample_rate_hz);
  return std::max<uint64_t>(1, (samples + frame / 2) / frame);
}

}  // namespace

ReceiveSetupPtr PlayoutStage::SetReceive(ReceiveSetupPtr setup) {
  std::swap(setup_, setup);
  current_ = nullptr;
  codec_mode_request_.reset();
  if (setup_) Use(setup_->preferred());
  return setup;
}

void PlayoutStage::Use(ReceiveSetup::Entry& entry) {
  const uint32_t clock_rate_hz = codec::ClockRateHz(entry.format.codec.codec);
  if (clock_rate_hz != jitter_.clock_rate_hz() || current_ == nullptr) {
    jitter_.Reset(clock_rate_hz, true);
  }
  current_ = &entry;
  setup_->buffer().Restart(entry.decoder->sample_rate_hz());
}

void PlayoutStage::StartNewSource() {
  jitter_.Reset(jitter_.clock_rate_hz(), true);
  if (!setup_) return;
  for (ReceiveSetup::Entry& entry : setup_->entries()) entry.decoder->Reset();
  setup_->buffer().Restart(current_->decoder->sample_rate_hz());
}

std::optional<DropReason> PlayoutStage::Outcome(jitter::InsertOutcome outcome) {
  stats_.source_changes += jitter_.source_changes() - counted_source_changes_;
  counted_source_changes_ = jitter_.source_changes();
  switch (outcome) {
    case jitter::InsertOutcome::kInserted: return std::nullopt;
    case jitter::InsertOutcome::kLate: ++stats_.late_packets; return DropReason::kLatePacket;
    case jitter::InsertOutcome::kDuplicate: ++stats_.duplicate_packets; return DropReason::kDuplicatePacket;
    case jitter::InsertOutcome::kTooLarge: return DropReason::kPacketTooLarge;
    case jitter::InsertOutcome::kOldSource: return DropReason::kOldSource;
    case jitter::InsertOutcome::kSequenceJump: return DropReason::kSequenceJump;
  }
  return std::nullopt;
}

std::optional<DropReason> PlayoutStage::InsertAudio(const jitter::StreamPacket& packet, bool carries_copies,
                                                    base::Timestamp arrival) {
  if (packet.payload.size() > jitter::kMaxPayloadBytes) return DropReason::kPacketTooLarge;
  ReceiveSetup::Entry* entry = setup_->FindAudio(packet.payload_type);
  if (entry == nullptr) return DropReason::kUnknownPayloadType;
  const auto description = entry->decoder->Describe(packet.payload);
  if (!description) return DropReason::kMalformedPayload;
  // Another clock cannot be compared with what is buffered: the peer changed codecs, play-out starts anew.
  if (codec::ClockRateHz(entry->format.codec.codec) != jitter_.clock_rate_hz()) Use(*entry);

  const auto outcome =
      Outcome(jitter_.Insert(packet,
                             {description->duration, description->is_dtx, description->has_redundancy || carries_copies,
                              entry->decoder->bridges_losses(), entry->decoder->decodes_in_parts()},
                             arrival));
  if (outcome) return outcome;
  stats_.received_codec = entry->format.codec.codec;
  stats_.received_amr_mode = description->amr_mode;
  codec_mode_request_ = description->codec_mode_request;
  return std::nullopt;
}

std::optional<DropReason> PlayoutStage::InsertCopy(const jitter::StreamPacket& copy, base::Timestamp arrival) {
  ReceiveSetup::Entry* entry = setup_->FindAudio(copy.payload_type);
  if (entry == nullptr) return DropReason::kMalformedRedundancy;
  const auto description = entry->decoder->Describe(copy.payload);
  if (!description) return DropReason::kMalformedRedundancy;
  if (codec::ClockRateHz(entry->format.codec.codec) != jitter_.clock_rate_hz()) return std::nullopt;
  (void)jitter_.InsertCopy(copy,
                           {description->duration, description->is_dtx, description->has_redundancy,
                            entry->decoder->bridges_losses(), entry->decoder->decodes_in_parts()},
                           arrival);
  return std::nullopt;
}

std::optional<DropReason> PlayoutStage::InsertEvent(const rtp::RtpPacketView& packet, base::Timestamp arrival) {
  const jitter::InsertOutcome outcome = jitter_.InsertOther(packet, arrival);
  // A late report of an event still tells of it.
  if (outcome == jitter::InsertOutcome::kLate) return std::nullopt;
  return Outcome(outcome);
}

uint32_t PlayoutStage::BufferedUnits() const {
  const PlayoutBuffer& buffer = setup_->buffer();
  return static_cast<uint32_t>(buffer.size() * jitter_.clock_rate_hz() / static_cast<size_t>(buffer.sample_rate_hz()));
}

// At the rate of the decoder in use.
size_t PlayoutStage::SamplesOf(uint32_t duration) const {
  return size_t{duration} * static_cast<size_t>(current_->decoder->sample_rate_hz()) / jitter_.clock_rate_hz();
}

std::span<int16_t> PlayoutStage::RoomFor(uint32_t duration) {
  // Decoders make missing audio in steps of 2.5 ms.
  const size_t step = static_cast<size_t>(current_->decoder->sample_rate_hz()) / 400;
  const size_t samples = SamplesOf(duration);
  const auto room = setup_->buffer().Room();
  const size_t wanted = std::max<size_t>(1, (samples + step / 2) / step) * step;
  return room.first(std::min({wanted, room.size() / step * step, 48 * step}));
}

bool PlayoutStage::PullFrame(base::Timestamp now, codec::AudioFrame& frame) {
  if (!setup_) return false;
  PlayoutBuffer& buffer = setup_->buffer();
  const auto frame_samples = [&] { return codec::SamplesPerFrame(buffer.sample_rate_hz()); };
  for (int i = 0; i < kMaxPiecesPerTick && buffer.size() < frame_samples(); ++i) {
    if (!Append(now)) break;
  }
  if (buffer.size() >= frame_samples()) AdjustSpeed(now);
  if (buffer.size() == 0) return false;

  frame.SetRate(buffer.sample_rate_hz());
  const size_t available = std::min(buffer.size(), frame.samples_per_channel);
  buffer.Pop(frame.view().first(available));
  // The stream has stopped within the frame.
  std::ranges::fill(frame.view().subspan(available), int16_t{0});
  ++stats_.frames_played;
  stats_.playout_delay = jitter_.playout_delay();
  stats_.target_playout_delay = jitter_.target_delay();
  const uint64_t overflowed = jitter_.overflowed_packets();
  stats_.drops[static_cast<size_t>(DropReason::kPlayoutOverflow)] += overflowed - overflowed_before_;
  overflowed_before_ = overflowed;
  return true;
}

bool PlayoutStage::Append(base::Timestamp now) {
  const jitter::PlayoutFrame piece = jitter_.PopFrame(now, BufferedUnits());
  if (!piece.is_undecided) Settle(piece.silent_before);
  if (piece.lost_before != 0) {
    const bool is_next = piece.is_behind_loss && piece.skip == 0 && piece.payload_type == current_->format.payload_type;
    current_->decoder->AcceptLoss(piece.lost_before, is_next ? piece.payload : base::ByteSpan());
  }
  switch (piece.decision) {
    case PlayoutDecision::kNothing: return false;
    case PlayoutDecision::kNormal: Decode(piece, now); return true;
    case PlayoutDecision::kConceal: Conceal(piece); return true;
    case PlayoutDecision::kComfortNoise: MakeComfortNoise(piece); return true;
  }
  return false;
}

void PlayoutStage::Decode(const jitter::PlayoutFrame& piece, base::Timestamp now) {
  ReceiveSetup::Entry* entry = setup_->FindAudio(piece.payload_type);
  if (entry != current_) Use(*entry);
  PlayoutBuffer& buffer = setup_->buffer();
  auto room = buffer.Room();
  if (piece.is_part) room = room.first(std::min(room.size(), SamplesOf(piece.duration)));
  const size_t decoded = entry->decoder->Decode(piece.payload, piece.skip, room);
  buffer.Commit(decoded);
  if (decoded == 0) return Conceal(piece);  // what Describe() let pass and the library did not

  is_concealing_ = false;
  if (piece.is_copy) {
    stats_.recovered_frames += FramesIn(decoded, setup_->buffer().sample_rate_hz());
  }
  if (piece.is_rest) return;
  const base::TimeDelta latency = now - piece.arrival;
  latency_sum_ns_ += latency.nanoseconds();
  ++latency_packets_;
  stats_.added_latency_mean = base::TimeDelta::Nanoseconds(latency_sum_ns_ / latency_packets_);
  stats_.added_latency_max = std::max(stats_.added_latency_max, latency);
}

void PlayoutStage::Conceal(const jitter::PlayoutFrame& piece) {
  const auto room = RoomFor(piece.duration);
  if (piece.may_come) {
    current_->decoder->ConcealDelay(room);
    return CountConcealed(piece, room.size());
  }
  const bool is_recovered = !piece.redundancy.empty() && current_->format.payload_type == piece.payload_type &&
                            current_->decoder->DecodeRedundancy(piece.redundancy, room);
  if (!is_recovered) {
    if (!piece.next_payload.empty() && current_->format.payload_type == piece.payload_type) {
      current_->decoder->BridgeLoss(piece.next_payload, room);
    } else {
      current_->decoder->ConcealLoss(room);
    }
  }
  if (!is_recovered) return CountConcealed(piece, room.size());
  setup_->buffer().Commit(room.size());
  is_concealing_ = false;
  stats_.recovered_frames += FramesIn(room.size(), setup_->buffer().sample_rate_hz());
}

void PlayoutStage::CountConcealed(const jitter::PlayoutFrame& piece, size_t samples) {
  setup_->buffer().Commit(samples);
  const uint64_t frames = FramesIn(samples, setup_->buffer().sample_rate_hz());
  if (piece.is_undecided) {
    undecided_frames_ += frames;
    return;
  }
  stats_.concealment_runs += !is_concealing_;
  is_concealing_ = true;
  stats_.concealed_frames += frames;
}

void PlayoutStage::Settle(uint32_t silent_units) {
  if (undecided_frames_ == 0) return;
  const uint64_t frame_units = jitter_.clock_rate_hz() * uint64_t{codec::kFrameMs} / 1000;
  const uint64_t silent = std::min(undecided_frames_, silent_units / frame_units);
  const uint64_t concealed = std::exchange(undecided_frames_, 0) - silent;
  stats_.comfort_noise_frames += silent;
  if (concealed == 0) return;
  stats_.concealment_runs += !is_concealing_;
  is_concealing_ = true;
  stats_.concealed_frames += concealed;
}

void PlayoutStage::MakeComfortNoise(const jitter::PlayoutFrame& piece) {
  const auto room = RoomFor(piece.duration);
  is_concealing_ = false;
  current_->decoder->GenerateComfortNoise(room);
  setup_->buffer().Commit(room.size());
  stats_.comfort_noise_frames += FramesIn(room.size(), setup_->buffer().sample_rate_hz());
}

void PlayoutStage::AdjustSpeed(base::Timestamp now) {
  PlayoutBuffer& buffer = setup_->buffer();
  const jitter::TimeAdjustment adjustment = jitter_.NextAdjustment(now, BufferedUnits());
  switch (adjustment) {
    case jitter::TimeAdjustment::kNone: return;
    case jitter::TimeAdjustment::kTrim: stats_.removed_samples += buffer.Trim(); return;
    case jitter::TimeAdjustment::kAccelerate: return Accelerate(Urgency::kUnheard, now);
    case jitter::TimeAdjustment::kAccelerateSoon: return Accelerate(Urgency::kHardlyHeard, now);
    case jitter::TimeAdjustment::kAccelerateForced: return Accelerate(Urgency::kForced, now);
    case jitter::TimeAdjustment::kExpand: stats_.inserted_samples += buffer.Stretch(Urgency::kUnheard); return;
  }
}

void PlayoutStage::Accelerate(Urgency urgency, base::Timestamp now) {
  PlayoutBuffer& buffer = setup_->buffer();
  if (buffer.size() < buffer.min_compress_samples() && jitter_.HasNextPacket()) Append(now);
  stats_.removed_samples += buffer.Compress(urgency);
}

}  // namespace byon::pipeline
