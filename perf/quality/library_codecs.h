#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace byon::quality {

// The codec libraries as they are, with nothing of the gateway's around them: for the far ends of a
// call and for the chain that the gateway is compared with. Frames are 20 ms of mono, of Opus up to 60 ms.

using Payload = std::vector<uint8_t>;

struct OpusSettings {
  int rate_hz = 48'000;
  int bitrate_bps = 32'000;
  int complexity = 9;  // libwebrtc's on a desktop
  bool has_fec = false;
  int expected_loss_percent = 0;
  bool is_transform = false;  // CELT, as far as libopus follows a hint; else its own choice, SILK for speech
};

class LibraryOpusEncoder {
 public:
  explicit LibraryOpusEncoder(const OpusSettings& settings);
  Payload Encode(std::span<const int16_t> frame);

 private:
  std::unique_ptr<void, void (*)(void*)> state_;
};

class LibraryOpusDecoder {
 public:
  explicit LibraryOpusDecoder(int rate_hz, int frame_ms = 20);
  std::vector<int16_t> Decode(const Payload& payload);
  // The frame before `next`, from its forward error correction.
  std::vector<int16_t> DecodeRedundancy(const Payload& next);
  std::vector<int16_t> ConcealLoss();

 private:
  std::vector<int16_t> Run(const Payload* payload, bool is_redundancy);

  std::unique_ptr<void, void (*)(void*)> state_;
  size_t frame_samples_;
};

enum class AmrBand : uint8_t { kNarrow, kWide };
constexpr int RateHz(AmrBand band) { return band == AmrBand::kWide ? 16'000 : 8'000; }

// Frames in storage format (RFC 4867 section 5.3): an octet of header, then the speech bits.
class LibraryAmrEncoder {
 public:
  LibraryAmrEncoder(AmrBand band, int mode, bool has_dtx = false);
  Payload Encode(std::span<const int16_t> frame);

 private:
  AmrBand band_;
  int mode_;
  int has_dtx_;
  std::unique_ptr<void, void (*)(void*)> state_;
};

class LibraryAmrDecoder {
 public:
  explicit LibraryAmrDecoder(AmrBand band);
  std::vector<int16_t> Decode(const Payload& frame);
  // The library's own concealment: told that there is no frame.
  std::vector<int16_t> ConcealLoss();

 private:
  AmrBand band_;
  std::unique_ptr<void, void (*)(void*)> state_;
};

}  // namespace byon::quality
