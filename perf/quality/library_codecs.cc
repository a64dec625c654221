#include "perf/quality/library_codecs.h"

#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <opencore-amrwb/dec_if.h>
#include <opus/opus.h>
#include <vo-amrwbenc/enc_if.h>

#include <algorithm>
#include <array>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

constexpr size_t kMaxPayload = 1300;
constexpr uint8_t kNoDataHeader = 15 << 3 | 1 << 2;  // frame type 15, quality bit

}  // namespace

LibraryOpusEncoder::LibraryOpusEncoder(const OpusSettings& settings)
    : state_(nullptr, [](void* state) { opus_encoder_destroy(static_cast<OpusEncoder*>(state)); }) {
  int error = OPUS_OK;
  OpusEncoder* encoder = opus_encoder_create(settings.rate_hz, 1, OPUS_APPLICATION_VOIP, &error);
  BYON_CHECK(error == OPUS_OK, "an Opus encoder can be made");
  state_.reset(encoder);
  opus_encoder_ctl(encoder, OPUS_SET_BITRATE(settings.bitrate_bps));
  opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(settings.complexity));
  if (settings.is_transform) opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC));
  opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(settings.has_fec ? 1 : 0));
  opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(settings.expected_loss_percent));
}

Payload LibraryOpusEncoder::Encode(std::span<const int16_t> frame) {
  Payload payload(kMaxPayload);
  const opus_int32 bytes = opus_encode(static_cast<OpusEncoder*>(state_.get()), frame.data(),
                                       static_cast<int>(frame.size()), payload.data(), kMaxPayload);
  BYON_CHECK(bytes > 0, "Opus encodes a frame");
  payload.resize(static_cast<size_t>(bytes));
  return payload;
}

LibraryOpusDecoder::LibraryOpusDecoder(int rate_hz, int frame_ms)
    : state_(nullptr, [](void* state) { opus_decoder_destroy(static_cast<OpusDecoder*>(state)); }),
      frame_samples_(static_cast<size_t>(rate_hz / 1000 * frame_ms)) {
  int error = OPUS_OK;
  state_.reset(opus_decoder_create(rate_hz, 1, &error));
  BYON_CHECK(error == OPUS_OK, "an Opus decoder can be made");
}

std::vector<int16_t> LibraryOpusDecoder::Run(const Payload* payload, bool is_redundancy) {
  std::vector<int16_t> out(frame_samples_);
  const int samples =
      opus_decode(static_cast<OpusDecoder*>(state_.get()), payload == nullptr ? nullptr : payload->data(),
                  payload == nullptr ? 0 : static_cast<opus_int32>(payload->size()), out.data(),
                  static_cast<int>(out.size()), is_redundancy ? 1 : 0);
  BYON_CHECK(samples == static_cast<int>(out.size()), "Opus decodes a whole frame");
  return out;
}
std::vector<int16_t> LibraryOpusDecoder::Decode(const Payload& payload) { return Run(&payload, false); }
std::vector<int16_t> LibraryOpusDecoder::DecodeRedundancy(const Payload& next) { return Run(&next, true); }
std::vector<int16_t> LibraryOpusDecoder::ConcealLoss() { return Run(nullptr, false); }

LibraryAmrEncoder::LibraryAmrEncoder(AmrBand band, int mode, bool has_dtx)
    : band_(band),
      mode_(mode),
      has_dtx_(has_dtx ? 1 : 0),
      state_(band == AmrBand::kWide ? E_IF_init() : Encoder_Interface_init(has_dtx_),
             band == AmrBand::kWide ? E_IF_exit : Encoder_Interface_exit) {
  BYON_CHECK(state_ != nullptr, "memory for an AMR encoder");
}

Payload LibraryAmrEncoder::Encode(std::span<const int16_t> frame) {
  Payload out(64);
  const int bytes = band_ == AmrBand::kWide
                        ? E_IF_encode(state_.get(), mode_, frame.data(), out.data(), has_dtx_)
                        : Encoder_Interface_Encode(state_.get(), static_cast<Mode>(mode_), frame.data(), out.data(), 0);
  BYON_CHECK(bytes > 0, "AMR encodes 20 ms");
  out.resize(static_cast<size_t>(bytes));
  return out;
}

LibraryAmrDecoder::LibraryAmrDecoder(AmrBand band)
    : band_(band),
      state_(band == AmrBand::kWide ? D_IF_init() : Decoder_Interface_init(),
             band == AmrBand::kWide ? D_IF_exit : Decoder_Interface_exit) {
  BYON_CHECK(state_ != nullptr, "memory for an AMR decoder");
}

std::vector<int16_t> LibraryAmrDecoder::Decode(const Payload& frame) {
  // The library reads what the frame type promises.
  std::array<uint8_t, 64> padded{};
  std::copy_n(frame.begin(), std::min(frame.size(), padded.size()), padded.begin());
  std::vector<int16_t> out(static_cast<size_t>(RateHz(band_) / 50));
  if (band_ == AmrBand::kWide) {
    D_IF_decode(state_.get(), padded.data(), out.data(), _good_frame);
  } else {
    Decoder_Interface_Decode(state_.get(), padded.data(), out.data(), 0);
  }
  return out;
}

std::vector<int16_t> LibraryAmrDecoder::ConcealLoss() { return Decode({kNoDataHeader}); }

}  // namespace byon::quality
