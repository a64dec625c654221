#pragma once

#include <cstdint>

namespace byon::api {

// The CAMARA WebRTC releases that are served side by side; each has paths of its own.
enum class Release : uint8_t {
  kR2_2,  // Fall25: webrtc-registration v0.3, webrtc-call-handling v0.3, webrtc-events v0.2
  kR3_1,  // Sync26: webrtc-registration v0.4, webrtc-call-handling v0.4, webrtc-events-subscriptions v0.3
};

// Whether deviations that CAMARA's own examples and flow documents make are accepted.
enum class Strictness : uint8_t { kStrict, kCompat };

// How the client of one path speaks.
struct Dialect {
  Release release = Release::kR3_1;
  Strictness strictness = Strictness::kStrict;

  bool is_compat() const { return strictness == Strictness::kCompat; }
  bool is_r2_2() const { return release == Release::kR2_2; }
  // Only r3.1 forbids members that its schemas do not have.
  bool ignores_unknown_members() const { return is_r2_2(); }
};

}  // namespace byon::api
