#include "dataplane/codec/amr_library.h"

#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <opencore-amrwb/dec_if.h>
#include <vo-amrwbenc/enc_if.h>

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::codec {

void AmrLibraryDecoder::Deleter::operator()(void* state) const {
  codec == Codec::kAmrWb ? D_IF_exit(state) : Decoder_Interface_exit(state);
}

AmrLibraryDecoder::AmrLibraryDecoder(Codec codec)
    : codec_(codec), state_(codec == Codec::kAmrWb ? D_IF_init() : Decoder_Interface_init(), Deleter{codec}) {
  BYON_CHECK(state_ != nullptr, "memory for an AMR decoder");
}

void AmrLibraryDecoder::Decode(const AmrFrame& frame, std::span<int16_t> out) {
  AmrStorage storage{};
  ToAmrStorage(codec_, frame, storage);
  if (codec_ == Codec::kAmrWb) {
    D_IF_decode(state_.get(), storage.data(), out.data(), _good_frame);
  } else {
    Decoder_Interface_Decode(state_.get(), storage.data(), out.data(), 0);
  }
}

void AmrLibraryEncoder::Deleter::operator()(void* state) const {
  codec == Codec::kAmrWb ? E_IF_exit(state) : Encoder_Interface_exit(state);
}

AmrLibraryEncoder::AmrLibraryEncoder(Codec codec, bool use_dtx)
    : codec_(codec),
      use_dtx_(use_dtx),
      state_(codec == Codec::kAmrWb ? E_IF_init() : Encoder_Interface_init(use_dtx ? 1 : 0), Deleter{codec}) {
  BYON_CHECK(state_ != nullptr, "memory for an AMR encoder");
}

AmrFrame AmrLibraryEncoder::Encode(uint8_t mode, std::span<const int16_t> samples) {
  AmrStorage storage{};
  int bytes = 0;
  if (codec_ == Codec::kAmrWb) {
    bytes = E_IF_encode(state_.get(), mode, samples.data(), storage.data(), use_dtx_ ? 1 : 0);
  } else {
    bytes = Encoder_Interface_Encode(state_.get(), static_cast<Mode>(mode), samples.data(), storage.data(), 0);
  }
  const size_t size = bytes > 0 ? static_cast<size_t>(bytes) : 0;
  return FromAmrStorage(codec_, std::span(storage).first(std::min(size, storage.size()))).value_or(AmrFrame{});
}

}  // namespace byon::codec
