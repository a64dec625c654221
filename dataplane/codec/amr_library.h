#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/codec/amr_payload.h"

namespace byon::codec {

// The AMR and AMR-WB libraries behind one shape: frames in storage format (RFC 4867 section 5.3) on
// one side, 20 ms of samples on the other.
class AmrLibraryDecoder {
 public:
  explicit AmrLibraryDecoder(Codec codec);
  int sample_rate_hz() const { return codec_ == Codec::kAmrWb ? 16'000 : 8000; }
  // `out` holds 20 ms. The libraries believe every frame to be good: Q is the caller's business.
  void Decode(const AmrFrame& frame, std::span<int16_t> out);

 private:
  struct Deleter {
    Codec codec;
    void operator()(void* state) const;
  };
  using Handle = std::unique_ptr<void, Deleter>;
  Codec codec_;
  Handle state_;
};

class AmrLibraryEncoder {
 public:
  AmrLibraryEncoder(Codec codec, bool use_dtx);
  int sample_rate_hz() const { return codec_ == Codec::kAmrWb ? 16'000 : 8000; }
  // `samples` holds 20 ms. With DTX the answer may be SID or NO_DATA.
  AmrFrame Encode(uint8_t mode, std::span<const int16_t> samples);

 private:
  struct Deleter {
    Codec codec;
    void operator()(void* state) const;
  };
  using Handle = std::unique_ptr<void, Deleter>;
  Codec codec_;
  bool use_dtx_;
  Handle state_;
};

}  // namespace byon::codec
