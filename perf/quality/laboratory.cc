#include "perf/quality/laboratory.h"

#include <cmath>

#include "perf/quality/log_spectral_distance.h"
#include "perf/quality/statistics.h"
#include "perf/quality/stoi.h"

namespace byon::quality {
namespace {

constexpr DelayRange kLibraryDelays = {-0.02, 0.06};

Laboratory::Call MakeCall(const std::vector<Recording>& recordings, double lead_s) {
  Laboratory::Call call{MakeCallScript(recordings, lead_s), {}};
  for (const int rate_hz : {8000, 16'000}) {
    const Signal audio = Resample(call.script.audio, rate_hz);
    for (const auto& part : call.script.parts) {
      const auto from = static_cast<ptrdiff_t>(std::lround(part.start_s * rate_hz));
      const auto count = static_cast<size_t>(std::lround(part.length_s * rate_hz));
      call.parts[rate_hz].push_back({rate_hz, Slice(audio, from, count)});
    }
  }
  return call;
}

}  // namespace

PartScore ScorePart(const Signal& said, const SearchedOutput& output, double start_s, const DelayRange& range,
                    const std::vector<double>& jumps_s) {
  PartScore score;
  score.pieces = Align(said, output, start_s, range, jumps_s);
  const Signal aligned = TakeAligned(output.audio(), score.pieces, start_s);
  score.stoi = Stoi(said, aligned);
  score.lsd_db = LogSpectralDistance(said, aligned);
  return score;
}

Laboratory::Laboratory(const std::vector<Recording>& recordings)
    : call_(MakeCall(recordings, kLeadSeconds)), event_call_(MakeCall(recordings, kEventLeadSeconds)) {}

const std::vector<Payload>& Laboratory::Frames(const CodecChoice& codec, double loss, bool has_event) {
  // Only Opus is told what is lost on the way: its redundancy follows that.
  const int percent = codec.codec == CodecKind::kOpus ? static_cast<int>(std::ceil(loss * 100 - 1e-9)) : 0;
  return frames_.Get({codec.name(), percent, has_event},
                     [&] { return EncodeCall(CallFor(has_event).script, codec, percent); });
}

const std::vector<PartScore>& Laboratory::Library(const LibraryRow& row, uint64_t seed) {
  const bool is_whole = row.loss + row.burst_loss == 0;
  if (is_whole && row.listener_loss == 0) seed = 0;
  const Concealment concealment = is_whole ? Concealment::kLibrary : row.concealment;
  return library_.Get(
      {row.path.name(), row.loss, row.burst_loss, concealment, row.listener_loss, row.coding, seed}, [&] {
        const auto& frames = Frames(row.path.in, row.loss + row.burst_loss, false);
        Weather weather;
        weather.loss = row.loss;
        weather.burst_loss = row.burst_loss;
        weather.listener_loss = row.listener_loss;
        const Trace trace = MakeTrace(weather, frames.size(), kStart, seed, row.path.in.packet_time());
        const SearchedOutput output(RunLibraryChain(row.path, frames, trace.is_lost, concealment,
                                                    {row.listener_loss, trace.is_lost_to_listener}, row.coding));
        std::vector<PartScore> scores;
        const auto& parts = call_.parts.at(row.path.rate_hz());
        for (size_t i = 0; i < parts.size(); ++i) {
          scores.push_back(ScorePart(parts[i], output, call_.script.parts[i].start_s, kLibraryDelays));
        }
        return scores;
      });
}

double Laboratory::LibraryDelaySeconds(const CallPath& path) {
  std::vector<double> delays;
  for (const PartScore& part : Library({.path = path}, 0)) {
    for (const AlignedPiece& piece : part.pieces) {
      if (piece.is_found) delays.push_back(piece.delay_s);
    }
  }
  return Percentile(delays, 0.5);
}

}  // namespace byon::quality
