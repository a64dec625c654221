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
  // The INVITE did not say where the caller is: it is told now (TS 24.229 section 5.1.3.1). The response that says who
  // has the call makes the dialog, and comes next.
  if (!location_.empty()) location_due_ = LocationDue::kNow;
}

void Call::ChangeLocation(std::string document, RequestId id) {
  const bool is_with_service = record_.emergency == Emergency::kCall || record_.emergency == Emergency::kAnswered;
  if (is_ended() || !is_with_service || !is_on_device()) {
    return Refuse(id, RefusalKind::kIncompatibleState, "Only an emergency service is told where the caller is.");
  }
  if (location_request_ != 0) {
    return Refuse(id, RefusalKind::kIncompatibleState, "The service is being told of another place just now.");
  }
  location_ = std::move(document);
  location_request_ = id;
  location_due_ = LocationDue::kNow;
  const bool is_answered = sip_state_ == SipState::kConfirmed || IsAnswered(record_.status);
  if (is_answered) return SendDueLocation(record_.dialog_id, true);
  if (!dialogs_.empty()) SendDueLocation(dialogs_.begin()->first, false);
}

void Call::SendDueLocation(const DialogId& dialog_id, bool is_answered) {
  const bool is_due = is_answered ? location_due_ != LocationDue::kNo : location_due_ == LocationDue::kNow;
  if (!is_due || dialog_id.empty()) return;
  location_due_ = LocationDue::kNo;
  Emit(SendLocation{dialog_id, location_});
}

void Call::OnLocationAnswered(int status_code) {
  if (is_ended()) return;
  const bool is_taken = status_code < 300;
  if (!is_taken && !IsAnswered(record_.status)) {
    location_due_ = LocationDue::kWhenAnswered;
    return;
  }
  if (IsAnswered(record_.status)) location_.clear();
  const RequestId request = std::exchange(location_request_, 0);
  if (request == 0) return;
  if (is_taken) return Complete(request);
  Refuse(request, RefusalKind::kUnavailable,
         "The network did not take the place: SIP " + std::to_string(status_code) + ".");
}

}  // namespace byon::call
