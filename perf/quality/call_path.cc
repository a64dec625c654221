#include "perf/quality/call_path.h"

#include <cmath>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

constexpr uint8_t kNoModeRequest = 0xf0;

AmrBand BandOf(const CodecChoice& codec) {
  return codec.codec == CodecKind::kAmrWb ? AmrBand::kWide : AmrBand::kNarrow;
}

codec::Codec ProductCodec(CodecKind kind) {
  switch (kind) {
    case CodecKind::kOpus:
      return codec::Codec::kOpus;
    case CodecKind::kAmrWb:
      return codec::Codec::kAmrWb;
    case CodecKind::kAmr:
      return codec::Codec::kAmr;
  }
  return codec::Codec::kOpus;
}

pipeline::StreamFormat ProductFormat(const CodecChoice& codec, uint8_t payload_type) {
  pipeline::StreamFormat format;
  format.payload_type = payload_type;
  format.codec.codec = ProductCodec(codec.codec);
  format.codec.amr.octet_align = true;
  if (codec.codec == CodecKind::kOpus) {
    format.codec.opus.use_inband_fec = true;
  } else {
    format.codec.amr.initial_mode = static_cast<uint8_t>(codec.amr_mode);
  }
  return format;
}

// The other leg of a leg that is measured alone: it only settles the rate Opus is decoded at.
CodecChoice OtherSide(const CallPath& path) {
  if (path.out) return *path.out;
  return path.in.codec == CodecKind::kOpus ? kAmrWb2385 : kOpus;
}

std::vector<int16_t> Conceal(LibraryOpusDecoder& decoder, const std::vector<Payload>& frames,
                             const std::vector<bool>& is_lost, size_t i) {
  const bool has_next = i + 1 < frames.size() && !is_lost[i + 1];
  return has_next ? decoder.DecodeRedundancy(frames[i + 1]) : decoder.ConcealLoss();
}
std::vector<int16_t> Conceal(LibraryAmrDecoder& decoder, const std::vector<Payload>&,
                             const std::vector<bool>&, size_t) {
  return decoder.ConcealLoss();
}

// `take` gets 20 ms at a time.
template <typename Decoder, typename Take>
void DecodeAll(Decoder& decoder, size_t frame_samples, const std::vector<Payload>& frames,
               const std::vector<bool>& is_lost, Concealment concealment, const Take& take) {
  std::vector<int16_t> frame(frame_samples);
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!is_lost[i]) {
      frame = decoder.Decode(frames[i]);
    } else if (concealment == Concealment::kLibrary) {
      frame = Conceal(decoder, frames, is_lost, i);
    }
    take(frame);
  }
}

}  // namespace

std::string CodecChoice::name() const {
  static constexpr const char* kWide[] = {"6.60",  "8.85",  "12.65", "14.25", "15.85",
                                          "18.25", "19.85", "23.05", "23.85"};
  static constexpr const char* kNarrow[] = {"4.75", "5.15", "5.90", "6.70",
                                            "7.40", "7.95", "10.2", "12.2"};
  switch (codec) {
    case CodecKind::kOpus:
      return "opus";
    case CodecKind::kAmrWb:
      return std::string("amr-wb-") + kWide[amr_mode];
    case CodecKind::kAmr:
      return std::string("amr-") + kNarrow[amr_mode];
  }
  return "";
}

std::string CallPath::name() const { return out ? in.name() + " > " + out->name() : in.name(); }

int CallPath::rate_hz() const {
  const bool is_narrow = in.codec == CodecKind::kAmr || (out && out->codec == CodecKind::kAmr);
  return is_narrow ? 8000 : 16'000;
}

pipeline::StreamFormat CallPath::receive_format() const { return ProductFormat(in, 111); }
pipeline::StreamFormat CallPath::send_format() const {
  return ProductFormat(OtherSide(*this), 104);
}

std::vector<Payload> EncodeCall(const CallScript& script, const CodecChoice& codec,
                                int expected_loss_percent) {
  const int rate_hz = codec.codec == CodecKind::kOpus ? 48'000 : RateHz(BandOf(codec));
  const std::vector<int16_t> pcm = ToPcm(Resample(script.audio, rate_hz));
  const auto frame_samples = static_cast<size_t>(rate_hz / 50);
  std::vector<Payload> frames;
  const auto encode_all = [&](auto&& encoder) {
    for (size_t at = 0; at + frame_samples <= pcm.size(); at += frame_samples) {
      frames.push_back(encoder.Encode(std::span(pcm).subspan(at, frame_samples)));
    }
  };
  if (codec.codec == CodecKind::kOpus) {
    encode_all(
        LibraryOpusEncoder({.has_fec = true, .expected_loss_percent = expected_loss_percent}));
  } else {
    encode_all(LibraryAmrEncoder(BandOf(codec), codec.amr_mode));
  }
  return frames;
}

Payload ToRtpPayload(const CodecChoice& codec, const Payload& frame) {
  if (codec.codec == CodecKind::kOpus) return frame;
  Payload payload{kNoModeRequest};
  payload.insert(payload.end(), frame.begin(), frame.end());
  return payload;
}

Payload FromRtpPayload(const CodecChoice& codec, Payload payload) {
  if (codec.codec == CodecKind::kOpus) return payload;
  BYON_CHECK(payload.size() >= 2, "an AMR payload has two octets of header");
  payload.erase(payload.begin());
  return payload;
}

FarDecoder::FarDecoder(const CodecChoice& codec, int rate_hz) {
  if (codec.codec == CodecKind::kOpus) {
    opus_.emplace(rate_hz);
  } else {
    amr_.emplace(BandOf(codec));
  }
}

std::vector<int16_t> FarDecoder::Decode(const Payload& frame) {
  return opus_ ? opus_->Decode(frame) : amr_->Decode(frame);
}

Signal RunLibraryChain(const CallPath& path, const std::vector<Payload>& frames,
                       const std::vector<bool>& is_lost, Concealment concealment) {
  const int rate_hz = path.rate_hz();
  const auto frame_samples = static_cast<size_t>(rate_hz / 50);
  std::vector<int16_t> pcm;
  const auto append = [&](const std::vector<int16_t>& frame) {
    pcm.insert(pcm.end(), frame.begin(), frame.end());
  };
  const auto decode_into = [&](const auto& take) {
    if (path.in.codec == CodecKind::kOpus) {
      LibraryOpusDecoder decoder(rate_hz);
      DecodeAll(decoder, frame_samples, frames, is_lost, concealment, take);
    } else {
      LibraryAmrDecoder decoder(BandOf(path.in));
      DecodeAll(decoder, frame_samples, frames, is_lost, concealment, take);
    }
  };
  if (!path.out) {
    decode_into(append);
    return FromPcm(pcm, rate_hz);
  }
  FarDecoder listener(*path.out, rate_hz);
  if (path.out->codec == CodecKind::kOpus) {
    LibraryOpusEncoder encoder({.rate_hz = rate_hz});
    decode_into([&](const auto& frame) { append(listener.Decode(encoder.Encode(frame))); });
  } else {
    LibraryAmrEncoder encoder(BandOf(*path.out), path.out->amr_mode);
    decode_into([&](const auto& frame) { append(listener.Decode(encoder.Encode(frame))); });
  }
  return FromPcm(pcm, rate_hz);
}

}  // namespace byon::quality
