#include "controlplane/sdp/whole_offer.h"

#include <algorithm>
#include <bitset>

namespace byon::sdp {
namespace {

constexpr uint8_t kFirstDynamic = 96;  // RFC 3551 section 6
constexpr uint8_t kLastDynamic = 127;

bool IsSame(const AudioCodec& a, const AudioCodec& b) {
  return a.encoding_name == b.encoding_name && a.octet_align == b.octet_align;
}

class PayloadTypes {
 public:
  void Take(uint8_t payload_type) { taken_.set(payload_type & 0x7f); }
  // `wanted` where it is free.
  uint8_t Choose(uint8_t wanted) {
    uint8_t chosen = wanted;
    for (uint8_t next = kLastDynamic; taken_[chosen] && next >= kFirstDynamic; --next) chosen = next;
    Take(chosen);
    return chosen;
  }

 private:
  std::bitset<128> taken_;
};

}  // namespace

AudioFormat WholeOffer(const AudioFormat& everything, const AudioFormat& in_use) {
  AudioFormat whole;
  PayloadTypes types;
  for (const AudioCodec& codec : in_use.receive) types.Take(codec.payload_type);
  for (const TelephoneEvent& event : in_use.telephone_events) types.Take(event.payload_type);
  for (const AudioCodec& codec : in_use.receive) {
    // As we would offer it ourselves: what the present peer restricts says nothing of the next one.
    const auto ours = std::find_if(everything.receive.begin(), everything.receive.end(),
                                   [&](const AudioCodec& c) { return IsSame(c, codec); });
    whole.receive.push_back(ours == everything.receive.end() ? codec : *ours);
    whole.receive.back().payload_type = codec.payload_type;
  }
  whole.telephone_events = in_use.telephone_events;
  for (AudioCodec codec : everything.receive) {
    if (std::any_of(whole.receive.begin(), whole.receive.end(), [&](const AudioCodec& c) { return IsSame(c, codec); }))
      continue;
    codec.payload_type = types.Choose(codec.payload_type);
    whole.receive.push_back(std::move(codec));
  }
  for (TelephoneEvent event : everything.telephone_events) {
    const auto has_clock = [&](const TelephoneEvent& e) { return e.clock_rate_hz == event.clock_rate_hz; };
    if (std::any_of(whole.telephone_events.begin(), whole.telephone_events.end(), has_clock)) continue;
    event.payload_type = types.Choose(event.payload_type);
    whole.telephone_events.push_back(event);
  }
  if (!whole.receive.empty()) whole.send = whole.receive.front();
  return whole;
}

}  // namespace byon::sdp
