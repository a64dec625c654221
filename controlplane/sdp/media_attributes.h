#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sdp/media_types.h"
#include "controlplane/sdp/session_description.h"

// Typed readings of the attributes of one media section, shared by both negotiators.
namespace byon::sdp {

bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);

// Parameters of a=fmtp: names in lower case, in `name=value;name=value`; a parameter without a
// value (events of telephone-event) has the name "".
using FormatParameters = std::map<std::string, std::string>;
FormatParameters ParseFormatParameters(std::string_view text);
// The number of a parameter, or `fallback` when it is absent or no number.
uint32_t NumberOr(const FormatParameters& parameters, const std::string& name, uint32_t fallback);

// A format of the m= line with its a=rtpmap and a=fmtp; static payload types are filled in
// (RFC 3551 section 6).
struct OfferedCodec {
  uint8_t payload_type = 0;
  std::string encoding_name;  // as written: compare without case
  uint32_t clock_rate_hz = 0;
  uint8_t channels = 1;
  FormatParameters parameters;
};
// In the order of the m= line; formats without a known mapping are left out. Fails on a malformed
// a=rtpmap or a payload type beyond 127.
Outcome<std::vector<OfferedCodec>> ReadCodecs(const MediaSection& media);

// sendrecv when nothing is said (RFC 8866 section 6.7), as the writer sees it.
Direction ReadDirection(const SessionDescription& session, const MediaSection& media);

// The canonical AudioCodec of a mapping we can serve, with its parameters; nothing otherwise.
std::optional<AudioCodec> ReadAudioCodec(const OfferedCodec& codec);
std::optional<TelephoneEvent> ReadTelephoneEvent(const OfferedCodec& codec);
// Whether it is audio/red that repeats `codec` and nothing else that is audio (RFC 2198 section 5).
bool IsRedOf(const OfferedCodec& red, const AudioCodec& codec);

// a=rtpmap and a=fmtp of a codec or event.
void AppendCodec(MediaSection& media, const AudioCodec& codec);
void AppendTelephoneEvent(MediaSection& media, const TelephoneEvent& event);
void AppendRed(MediaSection& media, uint8_t payload_type, const AudioCodec& codec);

// a=rtcp-xr at either level; formats that are of no use here are passed over.
RtcpXr ReadRtcpXr(const SessionDescription& session, const MediaSection& media);
// The same as the value of the attribute; empty when it asks for nothing.
std::string RtcpXrText(const RtcpXr& xr);

// The number of a=ptime or a=maxptime; nothing when it is absent or beyond 10..1000 ms.
std::optional<uint16_t> ReadPacketTime(const MediaSection& media, std::string_view name);

}  // namespace byon::sdp
