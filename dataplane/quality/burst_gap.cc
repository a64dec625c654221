#include "dataplane/quality/burst_gap.h"

namespace byon::quality {

void BurstGap::OnGood() {
  if (cluster_bad_ == 0) {
    ++gaps_.packets;
    return;
  }
  if (++good_run_ >= kGmin) CloseCluster();
}

void BurstGap::OnBad() {
  cluster_packets_ += cluster_bad_ == 0 ? 1 : good_run_ + 1;
  ++cluster_bad_;
  good_run_ = 0;
}

// The good packets behind the cluster belong to the gap that follows it.
void BurstGap::CloseCluster() {
  if (is_cluster_burst()) {
    ++bursts_.count;
    bursts_.packets += cluster_packets_;
    bursts_.bad += cluster_bad_;
    ++gaps_.count;  // the one before the burst
  } else {
    gaps_.packets += cluster_packets_;
    gaps_.bad += cluster_bad_;
  }
  gaps_.packets += good_run_;
  cluster_packets_ = cluster_bad_ = good_run_ = 0;
}

BurstGap::Period BurstGap::bursts() const {
  Period period = bursts_;
  if (is_cluster_burst()) {
    ++period.count;
    period.packets += cluster_packets_;
    period.bad += cluster_bad_;
  }
  return period;
}

BurstGap::Period BurstGap::gaps() const {
  Period period = gaps_;
  if (is_cluster_burst()) {
    ++period.count;
    period.packets += good_run_;
  } else {
    period.packets += cluster_packets_ + good_run_;
    period.bad += cluster_bad_;
  }
  if (!is_cluster_burst() || good_run_ > 0) ++period.count;
  if (period.packets == 0) period.count = 0;
  return period;
}

}  // namespace byon::quality
