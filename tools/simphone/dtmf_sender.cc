#include "tools/simphone/dtmf_sender.h"

#include <algorithm>

namespace byon::simphone {

void DtmfSender::Queue(const std::string& digits, int duration_ms, int gap_ms) {
  for (const char digit : digits) {
    const auto event = rtp::EventFromDigit(digit);
    if (!event) continue;
    digits_.push_back({*event, std::max(2, duration_ms / 20), std::max(2, gap_ms / 20), 0});
  }
}

std::optional<DtmfSender::Report> DtmfSender::Tick(uint32_t units) {
  if (digits_.empty()) return std::nullopt;
  Digit& digit = digits_.front();
  if (digit.ticks_left == 0) {
    if (--digit.gap_ticks <= 0) digits_.pop_front();
    return std::nullopt;
  }
  Report report;
  report.is_first = digit.elapsed_units == 0;
  report.start_offset = digit.elapsed_units;
  digit.elapsed_units += units;
  digit.ticks_left -= 1;
  report.event.event = digit.event;
  report.event.duration = static_cast<uint16_t>(std::min<uint32_t>(digit.elapsed_units, 0xffff));
  report.event.is_end = digit.ticks_left == 0;
  report.copies = report.event.is_end ? 3 : 1;  // RFC 4733 section 2.5.1.4
  return report;
}

}  // namespace byon::simphone
