// What a call has to do with emergency services.
#include "controlplane/call/call.h"

namespace byon::call {

std::string_view ToString(EmergencyStep step) {
  switch (step) {
    case EmergencyStep::kRefused: return "refused";
    case EmergencyStep::kRouted: return "routed";
    case EmergencyStep::kAnswered: return "answered";
    case EmergencyStep::kCallback: return "callback";
    case EmergencyStep::kUsePhone: return "use-phone";
  }
  return "refused";
}

void Call::TellEmergency(EmergencyStep step) {
  if (!is_on_device()) return;
  const bool is_routed = step == EmergencyStep::kRouted;
  Emit(NotifyEmergency{step, is_routed ? invite_.target_uri : "", is_routed && !location_.empty(), record_.owner});
}

void Call::BecomeEmergency(const std::string& service_urn) {
  record_.emergency = Emergency::kCall;
  invite_.target_uri = service_urn;
  invite_.emergency = EmergencyInvite{location_};
  // Who calls is shown, whatever was asked for: the service may have to call back.
  invite_.is_anonymous = false;
  duration_deadline_ = ring_deadline_ = kNoDeadline;  // a service that is overrun answers in the end
  TellEmergency(EmergencyStep::kRouted);
}

// The network says of an ordinary call that it is one for help: where such calls are possible it is sent again as what
// it is, at once (TS 24.229 section 5.1.6.1).
bool Call::GoesOnAsEmergency(const EndReason& reason, Now now) {
  const bool is_sent_again = reason.text == kEmergencyServiceText && config_.emergency.is_routed && is_on_device() &&
                             record_.emergency == Emergency::kNone && !invite_.uses_trunk &&
                             !(config_.emergency.needs_location && location_.empty());
  if (!is_sent_again) return false;
  dialogs_.clear();
  BecomeEmergency(reason.service_urn.empty() ? "urn:service:sos" : reason.service_urn);
  ++record_.ims_sdp_version;
  StartInvite(now);
  return true;
}

void Call::OnEmergencyAnswer() {
  if (is_ended() || record_.emergency != Emergency::kNone || !is_on_device()) return;
  record_.emergency = Emergency::kAnswered;
  duration_deadline_ = ring_deadline_ = kNoDeadline;
  Emit(Persist{});
  TellEmergency(EmergencyStep::kAnswered);
}

}  // namespace byon::call
