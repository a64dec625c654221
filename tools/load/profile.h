#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/net/ip_address.h"
#include "tools/load/weather.h"

namespace byon::load {

// A codec of the phone side and how many of the calls have it.
struct PhoneCodecShare {
  std::string name;  // "amr-wb-12.65", "amr-12.2", "pcma", "pcmu", "opus"
  codec::CodecFormat format;
  unsigned weight = 1;
  bool operator==(const PhoneCodecShare&) const = default;
};

// So many calls more, all at one moment.
struct Storm {
  size_t calls = 0;
  base::TimeDelta at;  // after the measurement began
};

// What is played, for how long and through which network. Checked once, then passed by reference.
struct Profile {
  size_t calls = 100;
  double ramp_per_second = 25;
  base::TimeDelta measured = base::TimeDelta::Seconds(30);
  base::TimeDelta settle = base::TimeDelta::Seconds(3);
  base::TimeDelta hold;  // mean length of a call, then another takes its place; 0: to the end
  Storm storm;
  std::vector<PhoneCodecShare> codecs;
  bool use_dtx = false;
  bool gateway_is_dtls_client = false;
  bool octet_align = false;
  Weather browser, phone;
  // A run is clean when a hundredth of the gateway's packets at most is later than this; 0: when no
  // tick is late by the gateway's own count. Only the first can be said of any media node.
  double latest_ms = 0;
  size_t probe_calls = 8;
  base::TimeDelta rtcp_interval = base::TimeDelta::Seconds(5);
  net::IpAddress address = net::IpAddress::V4(127, 0, 0, 1);
  size_t sockets = 16;
  uint64_t seed = 1;
};

// From a YAML text; an empty one gives the defaults. The error lists every mistake, one sentence a
// line: line number, key, value, what is allowed.
base::Result<Profile, std::string> ParseProfile(const std::string& yaml);

// The text of a profile that comes with the program; empty when there is none of that name.
std::string_view BuiltInProfile(std::string_view name);
// Their names, separated by ", ".
std::string BuiltInProfileNames();

// A codec by its name in profiles; nothing for others.
std::optional<codec::CodecFormat> PhoneCodecFromName(std::string_view name);

}  // namespace byon::load
