#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <variant>

#include "dataplane/net/socket_address.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/srtp/srtp_profile.h"

namespace byon::session {

// A text of at most 64 bytes (longer ones are cut), kept in place so that events never allocate.
class ShortText {
 public:
  ShortText() = default;
  ShortText(std::string_view text) : size_(static_cast<uint8_t>(std::min(text.size(), bytes_.size()))) {
    std::memcpy(bytes_.data(), text.data(), size_);
  }
  std::string_view view() const { return {bytes_.data(), size_}; }
  bool operator==(const ShortText& other) const { return view() == other.view(); }

 private:
  std::array<char, 64> bytes_{};
  uint8_t size_ = 0;
};

// What a session tells the control plane; the messages of the same names in media_control.proto.
struct IceConnected {
  net::SocketAddress remote;
};
struct DtlsConnected {
  srtp::SrtpProfile profile;
};
// The first decodable packet of a source has arrived on this leg.
struct MediaStarted {
  Leg leg;
  ShortText stream_id;  // of the IMS description; empty on the access leg
};
struct DtmfReceived {
  Leg leg;
  char digit;  // 0-9 * # A-D
  uint32_t duration_ms;
};
// Nothing has come on a leg that expects media.
struct MediaTimeout {
  Leg leg;
  uint32_t silent_ms;
};
struct ConsentLost {};
// An announcement was played to its end.
struct AnnouncementEnded {
  Leg leg;
  ShortText playback_id;
};
enum class FailureCause : uint8_t {
  kDtlsHandshake,
  kDtlsFingerprintMismatch,
  kDtlsNoSrtpProfile,
  kDtlsClosed,
  kIceTimeout,
};
struct SessionFailed {
  FailureCause cause;
};

using SessionEvent = std::variant<std::monostate, IceConnected, DtlsConnected, MediaStarted, DtmfReceived, MediaTimeout,
                                  ConsentLost, SessionFailed, AnnouncementEnded>;

}  // namespace byon::session
