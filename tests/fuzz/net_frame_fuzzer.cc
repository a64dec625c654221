#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/net/ip_host.h"

// Any frame, believed and disbelieved checksums: a payload lies inside its frame, and one frame
// causes at most one answer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::net;
  IpHostConfig config;
  config.mac = {{2, 0, 0, 0, 0, 1}};
  config.addresses = {{IpAddress::V4(192, 0, 2, 1), 24}, {*IpAddress::Parse("2001:db8::1"), 64}};
  static auto host = std::make_unique<IpHost>(config);
  const auto frame = std::as_bytes(std::span(data, size));
  const auto now = byon::base::Timestamp::FromMilliseconds(1);
  for (const auto verdict : {ChecksumStatus::Verdict::kUnknown, ChecksumStatus::Verdict::kGood}) {
    const auto result = host->HandleFrame(frame, {verdict, verdict}, now);
    if (const auto* udp = std::get_if<IpHost::UdpDatagram>(&result)) {
      if (udp->payload_offset + udp->payload_bytes > size) __builtin_trap();
    }
    std::array<std::byte, 2048> buffer;
    if (host->PollFrame(buffer) && host->PollFrame(buffer)) __builtin_trap();
  }
  (void)host->Overhear(frame, now);
  return 0;
}
