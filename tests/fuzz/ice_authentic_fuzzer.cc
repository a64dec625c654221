#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/ice/ice_lite_agent.h"
#include "dataplane/stun/stun_message_builder.h"

// A peer that knows the password and says anything with it, from changing addresses and over time.
// Each check is two bytes of address and time, a length, and that many bytes of attributes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  static const ice::IceCredentials local{"evtj", "VOkJxbRl1RmTxUk/WvJxBt"};
  static const stun::IntegrityKey key(base::AsBytes(local.pwd));
  auto now = base::Timestamp::FromMilliseconds(1'000);
  ice::IceLiteAgent agent({}, local);
  base::ByteReader input(std::as_bytes(std::span(data, size)));
  while (input.remaining() >= 3) {
    const net::SocketAddress from{net::IpAddress::V4(192, 0, 2, 1), static_cast<uint16_t>(4000 + input.ReadU8() % 32)};
    now += base::TimeDelta::Milliseconds(input.ReadU8() * 50);
    base::ByteReader attributes(input.ReadBytes(std::min<size_t>(input.ReadU8(), input.remaining())));
    std::array<std::byte, 1500> buffer;
    stun::StunMessageBuilder builder(buffer, stun::MessageClass::kRequest, stun::kBindingMethod, {});
    builder.AddUsername("evtj:h6vY");
    builder.AddIceControlling(1);
    while (attributes.remaining() >= 3) {
      const auto type = static_cast<stun::AttributeType>(attributes.ReadU16());
      builder.AddAttribute(type,
                           attributes.ReadBytes(std::min<size_t>(attributes.ReadU8() % 16, attributes.remaining())));
    }
    builder.AddMessageIntegrity(key);
    builder.AddFingerprint();
    const auto request = builder.Finish();
    if (!request) continue;
    (void)agent.HandleDatagram(*request, from, now);
    const auto answer = agent.PollDatagram();
    if (answer && (answer->to != from || answer->bytes.size() >= request->size())) {
      __builtin_trap();
    }
    agent.HandleTimeout(now);
    while (agent.PollEvent()) {
    }
    if (agent.PollDatagram() || agent.remote_candidate_count() > ice::kMaxRemoteCandidates) {
      __builtin_trap();
    }
    if (agent.selected_remote() && !agent.IsVerified(*agent.selected_remote())) __builtin_trap();
  }
  return 0;
}
