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
    case CodecKind::kOpus: return codec::Codec::kOpus;
    case CodecKind::kAmrWb: return codec::Codec::kAmrWb;
    case CodecKind::kAmr: return codec::Codec::kAmr;
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
    format.codec.opus.coding = codec::OpusCoding::kAdaptive;
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

// With the gateway's settings: see the README of dataplane/codec.
OpusSettings ToListener(int rate_hz, double loss, OpusToListener coding) {
  if (coding == OpusToListener::kUsual) return {.rate_hz = rate_hz, .complexity = 10, .has_fec = true};
  const bool is_transform = loss == 0 && rate_hz >= 16'000;
  return {.rate_hz = rate_hz,
          .bitrate_bps = is_transform ? 64'000 : 40'000,
          .complexity = 0,
          .has_fec = true,
          .expected_loss_percent = static_cast<int>(std::ceil(loss * 100 - 1e-9)),
          .is_transform = is_transform};
}

std::vector<int16_t> Conceal(LibraryOpusDecoder& decoder, const std::vector<Payload>& frames,
                             const std::vector<bool>& is_lost, size_t i) {
  const bool has_next = i + 1 < frames.size() && !is_lost[i + 1];
  return has_next ? decoder.DecodeRedundancy(frames[i + 1]) : decoder.ConcealLoss();
}
std::vector<int16_t> Conceal(LibraryAmrDecoder& decoder, const std::vector<Payload>&, const std::vector<bool>&,
                             size_t) {
  return decoder.ConcealLoss();
}

// `take` gets 20 ms at a time.
template <typename Decoder, typename Take>
void DecodeAll(Decoder& decoder, size_t frame_samples, const std::vector<Payload>& packets,
               const std::vector<bool>& is_lost, Concealment concealment, const Take& take) {
  std::vector<int16_t> audio(frame_samples);
  for (size_t i = 0; i < packets.size(); ++i) {
    if (!is_lost[i]) {
      audio = decoder.Decode(packets[i]);
    } else if (concealment == Concealment::kLibrary) {
      audio = Conceal(decoder, packets, is_lost, i);
    }
    for (size_t at = 0; at < audio.size(); at += frame_samples) {
      const auto from = audio.begin() + static_cast<ptrdiff_t>(at);
      take(std::vector<int16_t>(from, from + static_cast<ptrdiff_t>(frame_samples)));
    }
  }
}

// What the listener misses in the end: not what was never sent, nor what is repeated in time.
std::vector<bool> Missed(const CodecChoice& codec, const std::vector<Payload>& packets,
                         const std::vector<bool>& is_lost) {
  std::vector<bool> is_missed = is_lost;
  for (size_t i = 0; i < packets.size(); ++i) {
    const bool is_repeated = codec.has_red && i + 1 < packets.size() && !is_lost[i + 1];
    if (is_repeated || !IsSent(codec, packets[i])) is_missed[i] = false;
  }
  return is_missed;
}

}  // namespace

std::string CodecChoice::name() const {
  static constexpr const char* kWide[] = {"6.60",  "8.85",  "12.65", "14.25", "15.85",
                                          "18.25", "19.85", "23.05", "23.85"};
  static constexpr const char* kNarrow[] = {"4.75", "5.15", "5.90", "6.70", "7.40", "7.95", "10.2", "12.2"};
  std::string name;
  switch (codec) {
    case CodecKind::kOpus: name = "opus"; break;
    case CodecKind::kAmrWb: name = std::string("amr-wb-") + kWide[amr_mode]; break;
    case CodecKind::kAmr: name = std::string("amr-") + kNarrow[amr_mode]; break;
  }
  if (has_dtx) name += " dtx";
  if (has_red) name += " red";
  if (packet_ms != 20) name.append(" ").append(std::to_string(packet_ms)).append(" ms");
  return name;
}

std::string CallPath::name() const { return out ? in.name() + " > " + out->name() : in.name(); }

int CallPath::rate_hz() const {
  const bool is_narrow = in.codec == CodecKind::kAmr || (out && out->codec == CodecKind::kAmr);
  return is_narrow ? 8000 : 16'000;
}

pipeline::StreamFormat CallPath::receive_format() const {
  pipeline::StreamFormat format = ProductFormat(in, kAudioPayloadType);
  if (in.has_red) format.red_payload_type = kRedPayloadType;
  return format;
}
pipeline::StreamFormat CallPath::send_format() const { return ProductFormat(OtherSide(*this), 104); }

std::vector<Payload> EncodeCall(const CallScript& script, const CodecChoice& codec, int expected_loss_percent) {
  const int rate_hz = codec.codec == CodecKind::kOpus ? 48'000 : RateHz(BandOf(codec));
  const std::vector<int16_t> pcm = ToPcm(Resample(script.audio, rate_hz));
  const auto packet_samples = static_cast<size_t>(rate_hz / 1000 * codec.packet_ms);
  std::vector<Payload> packets;
  const auto encode_all = [&](auto&& encoder) {
    for (size_t at = 0; at + packet_samples <= pcm.size(); at += packet_samples) {
      packets.push_back(encoder.Encode(std::span(pcm).subspan(at, packet_samples)));
    }
  };
  if (codec.codec == CodecKind::kOpus) {
    encode_all(LibraryOpusEncoder({.has_fec = true, .expected_loss_percent = expected_loss_percent}));
  } else {
    encode_all(LibraryAmrEncoder(BandOf(codec), codec.amr_mode, codec.has_dtx));
  }
  return packets;
}

bool IsSent(const CodecChoice& codec, const Payload& frame) {
  constexpr int kNoData = 15;
  return codec.codec == CodecKind::kOpus || (frame[0] >> 3 & 15) != kNoData;
}

Payload ToRtpPayload(const CodecChoice& codec, const std::vector<Payload>& frames, size_t index) {
  const Payload& frame = frames[index];
  Payload payload;
  if (codec.codec != CodecKind::kOpus) {
    payload.push_back(kNoModeRequest);
  } else if (codec.has_red) {
    if (index > 0) {
      // RFC 2198 section 3: F, payload type, 14 bits of timestamp offset, 10 bits of length.
      const Payload& copy = frames[index - 1];
      const auto offset = static_cast<uint32_t>(48 * codec.packet_ms);
      const uint32_t header =
          0x80000000u | uint32_t{kAudioPayloadType} << 24 | offset << 10 | static_cast<uint32_t>(copy.size());
      for (int shift = 24; shift >= 0; shift -= 8) {
        payload.push_back(static_cast<uint8_t>(header >> shift));
      }
    }
    payload.push_back(kAudioPayloadType);
    if (index > 0) payload.insert(payload.end(), frames[index - 1].begin(), frames[index - 1].end());
  }
  payload.insert(payload.end(), frame.begin(), frame.end());
  return payload;
}

Payload FromRtpPayload(const CodecChoice& codec, Payload payload) {
  if (codec.codec == CodecKind::kOpus) return payload;
  BYON_CHECK(payload.size() >= 2, "an AMR payload has two octets of header");
  payload.erase(payload.begin());
  return payload;
}

std::vector<int16_t> Listen(const CodecChoice& codec, int rate_hz, const std::vector<std::optional<Payload>>& sent,
                            const std::vector<bool>& is_lost) {
  std::vector<Payload> packets;
  for (const auto& packet : sent) {
    if (packet) packets.push_back(*packet);
  }
  BYON_CHECK(is_lost.empty() || is_lost.size() >= packets.size(), "the fate of each is known");
  std::vector<bool> lost = is_lost;
  lost.resize(packets.size());
  const auto frame_samples = static_cast<size_t>(rate_hz / 50);
  std::vector<int16_t> pcm;
  size_t next = 0;
  const auto be_silent = [&] {
    for (; next < sent.size() && !sent[next]; ++next) pcm.resize(pcm.size() + frame_samples);
  };
  const auto take = [&](const std::vector<int16_t>& frame) {
    be_silent();
    pcm.insert(pcm.end(), frame.begin(), frame.end());
    ++next;
  };
  if (codec.codec == CodecKind::kOpus) {
    LibraryOpusDecoder decoder(rate_hz);
    DecodeAll(decoder, frame_samples, packets, lost, Concealment::kLibrary, take);
  } else {
    LibraryAmrDecoder decoder(BandOf(codec));
    DecodeAll(decoder, frame_samples, packets, lost, Concealment::kLibrary, take);
  }
  be_silent();
  return pcm;
}

Signal RunLibraryChain(const CallPath& path, const std::vector<Payload>& frames,
                       const std::vector<bool>& is_lost_on_way, Concealment concealment, const ListenerLoss& listener,
                       OpusToListener coding) {
  const std::vector<bool> is_lost = Missed(path.in, frames, is_lost_on_way);
  const int rate_hz = path.rate_hz();
  const auto frame_samples = static_cast<size_t>(rate_hz / 50);
  std::vector<int16_t> pcm;
  const auto append = [&](const std::vector<int16_t>& frame) { pcm.insert(pcm.end(), frame.begin(), frame.end()); };
  const auto decode_into = [&](const auto& take) {
    if (path.in.codec == CodecKind::kOpus) {
      LibraryOpusDecoder decoder(rate_hz, path.in.packet_ms);
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
  std::vector<std::optional<Payload>> sent;
  if (path.out->codec == CodecKind::kOpus) {
    LibraryOpusEncoder encoder(ToListener(rate_hz, listener.share, coding));
    decode_into([&](const auto& frame) { sent.emplace_back(encoder.Encode(frame)); });
  } else {
    LibraryAmrEncoder encoder(BandOf(*path.out), path.out->amr_mode);
    decode_into([&](const auto& frame) { sent.emplace_back(encoder.Encode(frame)); });
  }
  return FromPcm(Listen(*path.out, rate_hz, sent, listener.is_lost), rate_hz);
}

}  // namespace byon::quality
