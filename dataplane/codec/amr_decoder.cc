#include "dataplane/codec/amr_decoder.h"

#include <algorithm>
#include <array>

namespace byon::codec {
namespace {

// AMR-WB: frames in a row that the decoder is kept alive by the last one. More of them drive its predictors away
// from where the encoder's are when speech comes back: then it had better stood still.
constexpr int kMaxRepeatedFrames = 1;
// Frames in a row that the AMR library carries its memory over by its own concealment. It does a single one
// well, unlike that of AMR-WB; but what it makes heard is muted at once.
constexpr int kMaxLibraryFrames = 2;

}  // namespace

AmrDecoder::AmrDecoder(const CodecFormat& format)
    : codec_(format.codec),
      is_octet_aligned_(format.amr.octet_align),
      samples_per_frame_(SamplesPerFrame(static_cast<int>(ClockRateHz(format.codec)))),
      library_(format.codec),
      concealer_(library_.sample_rate_hz()) {}

std::optional<PayloadDescription> AmrDecoder::Describe(base::ByteSpan payload) const {
  return DescribePayload(codec_, is_octet_aligned_, payload);
}

size_t AmrDecoder::Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) {
  const auto view = AmrPayloadView::Parse(codec_, is_octet_aligned_, payload);
  if (!view) return 0;
  // Frames that were played already are repetitions (RFC 4867 section 3.7.1): decoding them again
  // would spoil the decoder's memory.
  const size_t skipped = (skip + samples_per_frame_ / 2) / samples_per_frame_;
  size_t written = 0;
  for (size_t i = skipped; i < view->table_of_contents().size(); ++i) {
    if (out.size() - written < samples_per_frame_) break;
    DecodeFrame(view->frame(i), out.subspan(written, samples_per_frame_));
    written += samples_per_frame_;
  }
  return written;
}

void AmrDecoder::DecodeFrame(const AmrFrame& frame, std::span<int16_t> out) {
  delayed_samples_ = 0;
  const bool is_speech = IsAmrSpeech(codec_, frame.frame_type);
  const bool is_sid = IsAmrSid(codec_, frame.frame_type);
  if (frame.is_good && (is_speech || is_sid)) {
    if (!TakeAhead(frame, out)) library_.Decode(frame, out);
    is_in_dtx_ = is_sid;
    last_speech_.reset();
    if (is_speech) last_speech_ = frame;
    lost_in_a_row_ = 0;
    concealer_.Accept(out);
  } else if (is_in_dtx_) {
    GenerateComfortNoise(out);
  } else {
    ConcealFrame(out);
  }
}

// Whether BridgeLoss() has decoded it before.
bool AmrDecoder::TakeAhead(const AmrFrame& frame, std::span<int16_t> out) {
  const bool is_there = ahead_ == frame;
  if (is_there) std::copy_n(ahead_samples_.begin(), out.size(), out.begin());
  ahead_.reset();
  return is_there;
}

void AmrDecoder::ConcealFrame(std::span<int16_t> out) {
  ++lost_in_a_row_;
  ahead_.reset();
  CarryMemoryOver(nullptr, out);
  if (codec_ == Codec::kAmrWb && last_speech_ && lost_in_a_row_ <= kMaxRepeatedFrames) {
    return concealer_.Accept(out);
  }
  concealer_.Conceal(out);
}

// Through a lost frame, into `out`, by the best stand-in that there is for it. `next`: the frame behind it,
// when that is known.
void AmrDecoder::CarryMemoryOver(const AmrFrame* next, std::span<int16_t> out) {
  if (!last_speech_) return;
  if (codec_ == Codec::kAmrWb) {
    if (next != nullptr) return library_.Decode(*next, out);
    if (lost_in_a_row_ <= kMaxRepeatedFrames) library_.Decode(*last_speech_, out);
  } else if (next != nullptr && lost_in_a_row_ > 1) {
    library_.Decode(*next, out);
  } else if (lost_in_a_row_ <= kMaxLibraryFrames) {
    library_.Decode(AmrFrame{}, out);
  }
}

void AmrDecoder::BridgeLoss(base::ByteSpan next_payload, std::span<int16_t> out) {
  delayed_samples_ = 0;
  const auto next = AmrPayloadView::Parse(codec_, is_octet_aligned_, next_payload);
  const size_t frames = out.size() / samples_per_frame_;
  if (!next || is_in_dtx_ || frames == 0) return ConcealLoss(out);
  const AmrFrame frame = next->frame(0);
  if (!frame.is_good || !IsAmrSpeech(codec_, frame.frame_type)) return ConcealLoss(out);
  const size_t before = (frames - 1) * samples_per_frame_;
  if (before != 0) ConcealLoss(out.first(before));
  out = out.subspan(before);
  ++lost_in_a_row_;
  const auto ahead = std::span(ahead_samples_).first(samples_per_frame_);
  CarryMemoryOver(&frame, ahead);
  library_.Decode(frame, ahead);
  ahead_ = frame;
  concealer_.Bridge(ahead, out);
}

bool AmrDecoder::DecodeRedundancy(base::ByteSpan, std::span<int16_t>) {
  // A repeated frame lies in its packet at its own timestamp and is decoded from there.
  return false;
}

void AmrDecoder::ConcealDelay(std::span<int16_t> out) {
  if (is_in_dtx_) return GenerateComfortNoise(out);
  ahead_.reset();
  concealer_.Conceal(out);
  delayed_samples_ += out.size();
}

void AmrDecoder::AcceptLoss(uint32_t duration, base::ByteSpan next_payload) {
  size_t frames = std::min<size_t>(delayed_samples_, duration) / samples_per_frame_;
  delayed_samples_ = 0;
  const auto next = AmrPayloadView::Parse(codec_, is_octet_aligned_, next_payload);
  std::optional<AmrFrame> behind;
  if (next) behind = next->frame(0);
  const bool is_of_use = behind && behind->is_good && IsAmrSpeech(codec_, behind->frame_type);
  std::array<int16_t, 320> unheard;
  for (; frames > 0; --frames) {
    ++lost_in_a_row_;
    CarryMemoryOver(frames == 1 && is_of_use ? &*behind : nullptr, std::span(unheard).first(samples_per_frame_));
  }
}

void AmrDecoder::ConcealLoss(std::span<int16_t> out) {
  delayed_samples_ = 0;
  if (is_in_dtx_) return GenerateComfortNoise(out);
  for (; out.size() >= samples_per_frame_; out = out.subspan(samples_per_frame_)) {
    ConcealFrame(out.first(samples_per_frame_));
  }
  concealer_.Conceal(out);  // less than a frame
}

void AmrDecoder::GenerateComfortNoise(std::span<int16_t> out) {
  if (!is_in_dtx_) return ConcealLoss(out);
  const AmrFrame no_data;
  while (!out.empty()) {
    std::array<int16_t, 320> frame;
    const auto samples = std::span(frame).first(samples_per_frame_);
    library_.Decode(no_data, samples);
    const size_t count = std::min(out.size(), samples.size());
    std::copy_n(samples.begin(), count, out.begin());
    concealer_.Accept(out.first(count));
    out = out.subspan(count);
  }
}

void AmrDecoder::Reset() {
  // The libraries' memory fades within a few frames, as it does for anyone who joins a stream.
  concealer_.Reset();
  is_in_dtx_ = false;
  last_speech_.reset();
  lost_in_a_row_ = 0;
  delayed_samples_ = 0;
  ahead_.reset();
}

}  // namespace byon::codec
