#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/rtp/datagram_class.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/telephone_event.h"

// What parses must lie inside the packet, and its parts must add up to it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  const auto packet = std::as_bytes(std::span(data, size));
  (void)rtp::ClassifyDatagram(packet);
  for (const bool is_encrypted : {false, true}) {
    const auto view = rtp::RtpPacketView::Parse(packet, is_encrypted);
    if (!view.ok()) continue;
    if (view->header_bytes() + view->payload().size() + view->padding_bytes() != size) {
      __builtin_trap();
    }
    for (size_t i = 0; i < view->csrc_count(); ++i) (void)view->csrc(i);
    for (unsigned id = 0; id < 256; ++id) {
      const auto value = view->FindExtension(static_cast<uint8_t>(id));
      if (value && value->size() > view->extension_block().size()) __builtin_trap();
    }
    if (const auto event = rtp::TelephoneEvent::Parse(view->payload())) {
      (void)rtp::DigitFromEvent(event->event);
    }
  }
  return 0;
}
