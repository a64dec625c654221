#pragma once

#include <cstdint>

namespace byon::quality {

// Bursts and gaps of a packet stream (RFC 3611 section 4.7.2): a burst begins and ends with a lost
// or discarded packet and has fewer than kGmin good ones in a row inside; everything else is gap.
class BurstGap {
 public:
  static constexpr uint32_t kGmin = 16;  // RFC 3611 section 4.7.2

  // The next packet in order of sequence numbers.
  void OnGood();
  void OnBad();  // lost, or discarded by the jitter buffer

  struct Period {
    uint64_t count = 0;    // of such periods
    uint64_t packets = 0;  // in all of them
    uint64_t bad = 0;      // of those
    double density() const { return packets == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(packets); }
    // Mean length in packets.
    double length() const { return count == 0 ? 0 : static_cast<double>(packets) / static_cast<double>(count); }
  };
  // With what is not decided yet counted as what it would be if nothing more came.
  Period bursts() const;
  Period gaps() const;

 private:
  void CloseCluster();
  bool is_cluster_burst() const { return cluster_bad_ > 1; }

  Period bursts_;
  Period gaps_;                   // all gap packets that are decided; one gap is always under way
  uint64_t cluster_packets_ = 0;  // from the first bad packet to the last one, which may be a burst
  uint64_t cluster_bad_ = 0;
  uint64_t good_run_ = 0;  // good packets since the last bad one
};

}  // namespace byon::quality
