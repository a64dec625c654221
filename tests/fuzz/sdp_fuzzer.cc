#include <cstdint>
#include <cstdlib>

#include "controlplane/sdp/ims_negotiator.h"
#include "controlplane/sdp/web_rtc_negotiator.h"

// Whatever parses must be written so that it parses to the same; both negotiators read anything.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::sdp;
  static const ImsNegotiator ims{ImsConfig{.codecs = {ImsCodec::kAmrWb, ImsCodec::kAmr, ImsCodec::kPcmu}}};
  static const WebRtcNegotiator web{WebRtcConfig{}};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto parsed = ParseSessionDescription(text); parsed.ok()) {
    auto again = ParseSessionDescription(Serialize(*parsed));
    if (!again.ok() || !(*again == *parsed)) std::abort();
  }
  if (auto offer = web.ReadOffer(text); offer.ok()) {
    if (!ParseSessionDescription(web.BuildAnswer(*offer, {}, {})).ok()) std::abort();
  }
  if (auto offer = ims.ReadOffer(text); offer.ok()) {
    ImsLocal local{{"192.0.2.1", 20000}, {"192.0.2.1", 20001}, 1, "c"};
    if (!ParseSessionDescription(ims.BuildAnswer(*offer, local, {}, Direction::kSendRecv)).ok()) std::abort();
  }
  (void)web.ReadAnswer(text);
  (void)ims.ReadAnswer(text, ims.offered_audio());
  return 0;
}
