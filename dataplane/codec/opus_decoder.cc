#include "dataplane/codec/opus_decoder.h"

#include <opus/opus.h>

#include <algorithm>
#include <array>

#include "dataplane/base/check.h"
#include "dataplane/codec/opus_packet.h"

namespace byon::codec {
namespace {

constexpr size_t kMaxFrameMs = 60;  // RFC 6716 section 2.1.4

const unsigned char* Octets(base::ByteSpan bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

void OpusAudioDecoder::Deleter::operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }

OpusAudioDecoder::OpusAudioDecoder(int sample_rate_hz) : sample_rate_hz_(sample_rate_hz) {
  int error = OPUS_OK;
  decoder_.reset(opus_decoder_create(sample_rate_hz, 1, &error));
  BYON_CHECK(error == OPUS_OK, "an Opus decoder at 8, 16 or 48 kHz can be made");
  if (sample_rate_hz <= 16'000) concealer_.emplace(sample_rate_hz);
}

std::optional<PayloadDescription> OpusAudioDecoder::Describe(base::ByteSpan payload) const {
  return DescribePayload(Codec::kOpus, false, payload);
}

size_t OpusAudioDecoder::Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) {
  const int decoded = opus_decode(decoder_.get(), Octets(payload), static_cast<opus_int32>(payload.size()), out.data(),
                                  static_cast<int>(out.size()), 0);
  if (decoded <= 0) return 0;
  delayed_samples_ = 0;
  const auto count = static_cast<size_t>(decoded);
  const size_t skipped = std::min<size_t>(count, size_t{skip} * static_cast<size_t>(sample_rate_hz_) / 48'000);
  if (skipped != 0) {
    std::copy(out.begin() + static_cast<ptrdiff_t>(skipped), out.begin() + static_cast<ptrdiff_t>(count), out.begin());
  }
  return Accept(out.first(count - skipped));
}

bool OpusAudioDecoder::DecodeRedundancy(base::ByteSpan next_payload, std::span<int16_t> out) {
  const std::optional<OpusPacketDescription> packet = DescribeOpusPacket(next_payload);
  if (!packet || !packet->has_inband_fec) return false;
  delayed_samples_ = 0;
  const int decoded = opus_decode(decoder_.get(), Octets(next_payload), static_cast<opus_int32>(next_payload.size()),
                                  out.data(), static_cast<int>(out.size()), 1);
  return decoded == static_cast<int>(out.size()) && Accept(out) == out.size();
}

size_t OpusAudioDecoder::Accept(std::span<int16_t> out) {
  if (concealer_) concealer_->Accept(out);
  return out.size();
}

void OpusAudioDecoder::ConcealLoss(std::span<int16_t> out) {
  delayed_samples_ = 0;
  CarryMemoryOver(out);
  if (concealer_) concealer_->Conceal(out);
}

void OpusAudioDecoder::ConcealDelay(std::span<int16_t> out) {
  if (!concealer_) return ConcealLoss(out);
  concealer_->Conceal(out);
  delayed_samples_ += out.size();
}

// What was heard in its place stays; the memory is carried over the loss as well as can be, to what comes now.
void OpusAudioDecoder::AcceptLoss(uint32_t duration, base::ByteSpan next_payload) {
  const auto rate = static_cast<size_t>(sample_rate_hz_);
  const size_t step = rate / 400;
  std::array<int16_t, kMaxFrameMs * 16> unheard;
  size_t left = std::min(delayed_samples_, size_t{duration} * rate / 48'000) / step * step;
  delayed_samples_ = 0;
  const std::optional<OpusPacketDescription> next = DescribeOpusPacket(next_payload);
  const size_t repeated = next && next->has_inband_fec
                              ? std::min({left, unheard.size(), size_t{next->duration} * rate / 48'000 / step * step})
                              : 0;
  for (left -= repeated; left > 0;) {
    const auto part = std::span(unheard).first(std::min(left, unheard.size() / step * step));
    CarryMemoryOver(part);
    left -= part.size();
  }
  if (repeated == 0) return;
  const auto part = std::span(unheard).first(repeated);
  const int decoded = opus_decode(decoder_.get(), Octets(next_payload), static_cast<opus_int32>(next_payload.size()),
                                  part.data(), static_cast<int>(part.size()), 1);
  if (decoded < 0) CarryMemoryOver(part);
}

void OpusAudioDecoder::GenerateComfortNoise(std::span<int16_t> out) {
  delayed_samples_ = 0;
  CarryMemoryOver(out);
  (void)Accept(out);
}

void OpusAudioDecoder::CarryMemoryOver(std::span<int16_t> out) {
  const int made = opus_decode(decoder_.get(), nullptr, 0, out.data(), static_cast<int>(out.size()), 0);
  if (made < 0) std::ranges::fill(out, int16_t{0});
}

void OpusAudioDecoder::Reset() {
  opus_decoder_ctl(decoder_.get(), OPUS_RESET_STATE);
  if (concealer_) concealer_->Reset();
  delayed_samples_ = 0;
}

}  // namespace byon::codec
