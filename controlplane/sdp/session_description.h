#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sdp/outcome.h"

namespace byon::sdp {

// What a description may hold at most; more is refused, never truncated.
inline constexpr size_t kMaxBytes = 64 * 1024;
inline constexpr size_t kMaxLines = 4096;
inline constexpr size_t kMaxMediaSections = 8;
inline constexpr size_t kMaxFormats = 64;     // a media section
inline constexpr size_t kMaxCandidates = 64;  // a media section

// a=<name> or a=<name>:<value>.
struct Attribute {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const Attribute&) const = default;
};

// c=IN IP4|IP6 <address>; always an IP address, names are refused (RFC 8866 section 5.7).
struct Connection {
  std::string address;
  bool operator==(const Connection&) const = default;
};

// b=<modifier>:<value>, in kbit/s for AS and in bit/s for RS and RR (RFC 3556).
struct Bandwidth {
  std::string modifier;
  uint32_t value = 0;
  bool operator==(const Bandwidth&) const = default;
};

// o= line (RFC 8866 section 5.2). The numbers are kept as text: peers use more than 64 bits.
struct Origin {
  std::string username = "-";
  std::string session_id = "0";
  std::string session_version = "0";
  std::string address = "0.0.0.0";
  bool operator==(const Origin&) const = default;
};

// One m= line and what belongs to it.
struct MediaSection {
  std::string media;  // audio, video, application...
  uint16_t port = 0;
  std::string protocol;              // RTP/AVP, UDP/TLS/RTP/SAVPF...
  std::vector<std::string> formats;  // payload types, as text
  std::optional<Connection> connection;
  std::vector<Bandwidth> bandwidths;
  std::vector<Attribute> attributes;
  bool operator==(const MediaSection&) const = default;
};

// A session description in the parts we use (RFC 8866); i=, u=, e=, p=, r=, z= and k= are dropped.
struct SessionDescription {
  Origin origin;
  std::string session_name = "-";
  std::optional<Connection> connection;
  std::vector<Bandwidth> bandwidths;
  std::vector<Attribute> attributes;
  std::vector<MediaSection> media;
  bool operator==(const SessionDescription&) const = default;
};

// Lines end with CRLF or LF. Fails with one sentence on anything malformed or beyond the limits.
// Whatever it returns, Serialize writes so that parsing it again gives an equal value.
Outcome<SessionDescription> ParseSessionDescription(std::string_view text);
std::string Serialize(const SessionDescription& description);

// The first attribute of that name, or nothing. Names are compared as they are (RFC 8866 section
// 6).
const Attribute* FindAttribute(const std::vector<Attribute>& attributes, std::string_view name);
// Media level first, then session level.
const Attribute* FindAttribute(const SessionDescription& session, const MediaSection& media, std::string_view name);

// The address is textual IPv4 or IPv6, without zone or brackets.
bool IsIpv4(std::string_view address);
bool IsIpv6(std::string_view address);

}  // namespace byon::sdp
