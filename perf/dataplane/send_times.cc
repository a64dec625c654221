#include "perf/dataplane/send_times.h"

#include <algorithm>

#include "dataplane/rtp/datagram_class.h"
#include "dataplane/rtp/rtp_packet_view.h"

namespace byon::perf {

void SendTimes::Note(const session::OutgoingDatagram& datagram, uint32_t clock_rate_hz, base::Timestamp time) {
  if (rtp::ClassifyDatagram(datagram.payload()) != rtp::DatagramClass::kRtp) return;
  const auto packet = rtp::RtpPacketView::Parse(datagram.payload());  // SRTP leaves the header as it is
  if (!packet) return;
  Stream& stream = streams_[datagram.source.port];
  const int64_t media_ns = stream.timestamps.Unwrap(packet->timestamp().value) * 1'000'000'000 / clock_rate_hz;
  const int64_t transit = time.nanoseconds() - media_ns;
  if (stream.earliest_ns != INT64_MAX) lateness_.Add((transit - stream.earliest_ns) / 1000);
  stream.earliest_ns = std::min(stream.earliest_ns, transit);
}

}  // namespace byon::perf
