#pragma once

#include <vector>

#include "perf/quality/signal.h"

namespace byon::quality {

// A stretch of the reference, and where it was found in the output.
struct AlignedPiece {
  double start_s = 0;  // in the reference
  double length_s = 0;
  double delay_s = 0;     // position in the output less position in the reference
  bool is_found = false;  // speech that was recognised; else the delay is that of a neighbour
};

struct DelayRange {
  double least_s = 0;
  double most_s = 0;
};

// An output to look into, at its own rate and at that of the search.
class SearchedOutput {
 public:
  explicit SearchedOutput(Signal audio);
  const Signal& audio() const { return audio_; }
  const Signal& low() const { return low_; }

 private:
  Signal audio_;
  Signal low_;
};

// Finds `reference` in `output`, where it is expected at `offset_s` and later by a delay that
// changes only around `jumps_s` (in the output, in order): there play-out waited for a packet, or
// cut. The reference is cut into pieces of about 200 ms, at the quietest place around; each is
// looked for by normalised cross-correlation at 8 kHz, and the sequence of delays with the best sum
// of correlations less a cost for each change is taken. A border between two delays moves to where
// they fit best.
std::vector<AlignedPiece> Align(const Signal& reference, const SearchedOutput& output, double offset_s,
                                const DelayRange& range, const std::vector<double>& jumps_s = {});

// The output on the reference's time line: every piece from its own delay, 4 ms of cross-fade
// between.
Signal TakeAligned(const Signal& output, const std::vector<AlignedPiece>& pieces, double offset_s);

}  // namespace byon::quality
