#include "controlplane/presence/event_signaling.h"

namespace byon::presence {

std::string_view ToString(Package package) { return package == Package::kPresence ? "presence" : "dialog"; }

std::string_view ContentTypeOf(Package package) {
  return package == Package::kPresence ? "application/pidf+xml" : "application/dialog-info+xml";
}

}  // namespace byon::presence
