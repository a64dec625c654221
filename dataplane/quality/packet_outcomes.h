#pragma once

#include <bitset>
#include <cstdint>

#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/quality/burst_gap.h"

namespace byon::quality {

// What became of each packet of a source, decided when kDepth later ones have been seen: good, lost,
// or arrived and of no use. Fixed memory; about one step a packet.
class PacketOutcomes {
 public:
  static constexpr int64_t kDepth = 128;  // a packet this far behind is lost: 2.5 s at 20 ms

  // A packet of a source that is trusted (see rtp::ReceptionStatistics).
  void OnReceived(uint16_t sequence_number);
  // The jitter buffer had no use for it: too late, or pushed out. Follows its OnReceived().
  void OnDiscarded(uint16_t sequence_number);
  // Another source, or the same one from another number on: what is undecided counts as it is.
  void Restart();

  struct Totals {
    uint64_t expected = 0;
    uint64_t lost = 0;
    uint64_t discarded = 0;
    double loss_rate() const { return Share(lost); }
    double discard_rate() const { return Share(discarded); }
    Totals operator-(const Totals& other) const {
      return {expected - other.expected, lost - other.lost, discarded - other.discarded};
    }

   private:
    double Share(uint64_t part) const {
      return expected == 0 ? 0 : static_cast<double>(part) / static_cast<double>(expected);
    }
  };
  // Of decided packets.
  const Totals& totals() const { return totals_; }
  const BurstGap& burst_gap() const { return burst_gap_; }

 private:
  void Decide(int64_t sequence);
  static size_t Slot(int64_t sequence) { return static_cast<size_t>(sequence % kDepth); }

  base::SequenceUnwrapper<uint16_t> unwrapper_;
  bool has_started_ = false;
  int64_t oldest_ = 0;  // the first that is not decided
  int64_t highest_ = 0;
  std::bitset<kDepth> is_received_;
  std::bitset<kDepth> is_discarded_;
  Totals totals_;
  BurstGap burst_gap_;
};

}  // namespace byon::quality
