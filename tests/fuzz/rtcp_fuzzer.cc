#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtcp_xr.h"

// Every block of what parses is read; a receiver report must survive being written again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  const auto datagram = std::as_bytes(std::span(data, size));
  (void)rtp::RtcpView::Parse(datagram, false);
  const auto view = rtp::RtcpView::Parse(datagram);
  if (!view.ok()) return 0;
  (void)view->sender();
  size_t total = 0;
  for (const rtp::RtcpBlockView& block : *view) {
    total += 4 + block.body().size();
    (void)block.ParseSenderReport();
    (void)block.ParseSourceDescriptions();
    (void)block.ParseBye();
    (void)block.ParseFeedback();
    if (const auto extended = rtp::ParseExtendedReport(block)) {
      std::array<std::byte, 1500> copy;
      rtp::RtcpBuilder again(copy);
      again.AddExtendedReport(*extended);
      const auto reread = rtp::ParseExtendedReport(*rtp::RtcpView::Parse(*again.Finish())->begin());
      if (reread->receiver_reference_time != extended->receiver_reference_time) __builtin_trap();
      for (size_t i = 0; i < extended->voip_metrics.size(); ++i) {
        if (reread->voip_metrics[i] != extended->voip_metrics[i]) __builtin_trap();
      }
      for (size_t i = 0; i < extended->last_references.size(); ++i) {
        if (reread->last_references[i] != extended->last_references[i]) __builtin_trap();
      }
    }
    const auto report = block.ParseReceiverReport();
    if (!report) continue;
    std::array<std::byte, 1000> buffer;
    rtp::RtcpBuilder builder(buffer);
    builder.AddReceiverReport(report->sender, {report->blocks.begin(), report->blocks.size()});
    const auto again = rtp::RtcpView::Parse(*builder.Finish())->begin()->ParseReceiverReport();
    for (size_t i = 0; i < report->blocks.size(); ++i) {
      if (again->blocks[i] != report->blocks[i]) __builtin_trap();
    }
  }
  if (total > size) __builtin_trap();
  return 0;
}
