#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/ice/ice_lite_agent.h"

// Raw bytes cannot know the password: whatever is said, nothing may be sent, verified or selected.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  const auto now = base::Timestamp::FromMilliseconds(1'000);
  const net::SocketAddress from{net::IpAddress::V4(192, 0, 2, 1), 4000};
  ice::IceLiteAgent agent({}, {"evtj", "a password that is in no seed"});
  const bool is_dropped = agent.HandleDatagram(std::as_bytes(std::span(data, size)), from, now).has_value();
  agent.HandleTimeout(now + base::TimeDelta::Seconds(100));
  if (!is_dropped || agent.PollDatagram() || agent.PollEvent() || agent.IsVerified(from) || agent.selected_remote() ||
      agent.remote_candidate_count() != 0) {
    __builtin_trap();
  }
  return 0;
}
