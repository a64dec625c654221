#include "controlplane/gateway/gateway.h"

#include "controlplane/call/address.h"
#include "controlplane/gateway/core.h"
#include "controlplane/gateway/restoration.h"

namespace byon::gateway {
namespace {

SipCause CauseOf(const call::EndReason& reason) {
  // Texts that the signalling marks for the call logic are none for people.
  const bool is_mark = reason.text == call::kEmergencyServiceText || reason.text == call::kRestorationText;
  return {reason.sip_status, reason.q850_cause, is_mark ? "" : reason.text};
}

std::vector<Diversion> ShownDiversions(const std::vector<call::Diversion>& diversions, const std::string& home_domain) {
  std::vector<Diversion> shown;
  for (const call::Diversion& one : diversions) {
    const char* reason = "unknown";
    switch (one.reason) {
      case call::Diversion::Reason::kUnknown: break;
      case call::Diversion::Reason::kUnconditional: reason = "unconditional"; break;
      case call::Diversion::Reason::kBusy: reason = "busy"; break;
      case call::Diversion::Reason::kNoAnswer: reason = "no-answer"; break;
      case call::Diversion::Reason::kUnreachable: reason = "unreachable"; break;
      case call::Diversion::Reason::kDeflection: reason = "deflection"; break;
    }
    shown.push_back({call::ShownAddressOf(one.uri, home_domain), reason});
  }
  return shown;
}

}  // namespace

Gateway::Gateway(GatewayConfig config, GatewayPorts ports) : core_(std::make_unique<Core>(std::move(config), ports)) {}
Gateway::~Gateway() = default;

void Gateway::SetDialogDirectory(const DialogDirectory* dialogs) { core_->dialogs = dialogs; }
void Gateway::AddLineObserver(LineObserver* observer) { core_->line_observers.push_back(observer); }

void Gateway::Restore(std::function<void(Restored)> tell, RestoreBefore before) {
  restoration_ = std::make_unique<Restoration>(*core_, std::move(tell), std::move(before));
  restoration_->Start();
}

Restored Gateway::restored() const { return core_->restored; }
bool Gateway::are_calls_known() const { return restored() != Restored::kNothing; }
bool Gateway::is_restoring() const { return restored() != Restored::kAll; }

void Gateway::EndService(const std::string& reason) {
  if (restoration_) restoration_->Stop();
  core_->calls.EndAll(reason, core_->Read());
  core_->registrations.EndAll(reason, core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::HandOver() {
  core_->calls.EndUnanswered("The gateway was restarted before the call was answered", core_->Read());
  core_->Drain();
}

bool Gateway::HasEnded() const { return core_->registrations.HasEnded(); }

GatewayStats Gateway::stats() const {
  GatewayStats stats = core_->stats;
  stats.registrations = core_->registrations.size();
  stats.calls = core_->calls.active_count();
  return stats;
}

// ---- SIP

std::optional<call::CallId> Gateway::OnIncomingInvite(call::IncomingInvite invite) {
  const auto record = core_->registrations.FindByContactToken(invite.contact_token);
  if (!record) return std::nullopt;
  call::IncomingRequest incoming;
  incoming.id = core_->ports.ids.NewId();
  incoming.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  incoming.owner = {record->id, record->owner.client_id, record->owner.user, record->owner.device_id};
  incoming.binding = core_->BindingOf(*record);
  incoming.invite = std::move(invite);
  // Its client may well be gone; the number's other devices are not.
  incoming.is_available = !core_->registrations.IsOverdue(record->id);
  if (incoming.invite.called_uri.empty()) incoming.invite.called_uri = record->impu;
  call::CallId id = incoming.id;
  const auto diversions = ShownDiversions(incoming.invite.diversions, core_->config.call.home_domain);
  core_->traces.SetDiversions(id, diversions);
  if (core_->config.call.fork.is_here) {
    incoming.fork = core_->ForkOf(*record, incoming.invite.is_psap_callback);
    for (const call::ForkTarget& device : incoming.fork->devices) core_->traces.SetDiversions(device.id, diversions);
  }
  core_->traces.SetNames(id, incoming.invite.sip_call_id, incoming.invite.charging_id);
  core_->calls.CreateIncoming(std::move(incoming), core_->Read());
  // The signalling must know the id before it hears of it again.
  core_->DrainLater();
  return id;
}

void Gateway::OnProgress(const call::CallId& signalling_id, call::Progress progress) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->Apply(call_id, {progress.status_code, 0, progress.phrase},
               [&](call::Call& c) { c.OnProgress(progress, core_->Read()); });
}

void Gateway::OnAnswered(const call::CallId& signalling_id, const call::DialogId& dialog_id,
                         std::optional<std::string> sdp) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->Apply(call_id, {200, 0, "OK"}, [&](call::Call& c) { c.OnAnswered(dialog_id, sdp, core_->Read()); });
}

void Gateway::OnEarlyMedia(const call::CallId& signalling_id, const call::DialogId& dialog_id,
                           const std::string& directions) {
  core_->calls.Apply(core_->calls.SignalledCall(signalling_id),
                     [&](call::Call& c) { c.OnEarlyMedia(dialog_id, directions); });
  core_->Drain();
}

void Gateway::OnAsserted(const call::CallId& signalling_id, const std::string& uri) {
  core_->calls.OnAsserted(core_->calls.SignalledCall(signalling_id), uri);
  core_->Drain();
}

void Gateway::OnNamed(const call::CallId& signalling_id, const std::string& sip_call_id,
                      const std::string& charging_id) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  if (core_->calls.Find(call_id) != nullptr) core_->traces.SetNames(call_id, sip_call_id, charging_id);
}

void Gateway::OnDiverted(const call::CallId& signalling_id, std::vector<call::Diversion> diversions,
                         const std::string& target_uri) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  if (core_->calls.Find(call_id) == nullptr) return;
  const std::string& home = core_->config.call.home_domain;
  core_->traces.SetDiversions(call_id, ShownDiversions(diversions, home), call::ShownAddressOf(target_uri, home));
  core_->PersistTrace(call_id);
}

void Gateway::OnFailed(const call::CallId& signalling_id, call::EndReason reason) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  if (reason.text == call::kEmergencyServiceText) core_->calls.LearnEmergencyNumber(call_id, reason.service_urn);
  core_->Apply(call_id, CauseOf(reason), [&](call::Call& c) { c.OnFailed(reason, core_->Read()); });
}

void Gateway::OnCancelled(const call::CallId& signalling_id, call::EndReason reason) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->Apply(call_id, CauseOf(reason), [&](call::Call& c) { c.OnCancelled(reason, core_->Read()); });
}

// An answer in the ACK comes by OnRemoteAnswer.
void Gateway::OnConfirmed(const call::CallId& signalling_id) {
  core_->calls.Apply(core_->calls.SignalledCall(signalling_id), [](call::Call& c) { c.OnConfirmed(); });
  core_->Drain();
}

void Gateway::OnRemoteOffer(const call::CallId& signalling_id, const call::DialogId& dialog_id,
                            std::optional<std::string> sdp) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnRemoteOffer(dialog_id, sdp, core_->Read()); });
  core_->Drain();
}

void Gateway::OnRemoteAnswer(const call::CallId& signalling_id, const call::DialogId& dialog_id, std::string sdp) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnRemoteAnswer(dialog_id, sdp, core_->Read()); });
  core_->Drain();
}

void Gateway::OnOfferFailed(const call::CallId& signalling_id, const call::DialogId& dialog_id, int status_code) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnOfferFailed(dialog_id, status_code, core_->Read()); });
  core_->Drain();
}

void Gateway::OnOfferStale(const call::CallId& signalling_id, const call::DialogId& dialog_id) {
  core_->calls.Apply(core_->calls.SignalledCall(signalling_id), [&](call::Call& c) { c.OnOfferStale(dialog_id); });
  core_->Drain();
}

void Gateway::OnEnded(const call::CallId& signalling_id, call::EndReason reason) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->Apply(call_id, CauseOf(reason), [&](call::Call& c) { c.OnEnded(reason, core_->Read()); });
}

void Gateway::OnDialogChanged(const call::CallId& signalling_id, std::string dialog_snapshot, std::string sip_call_id) {
  const call::CallId call_id = core_->calls.SignalledCall(signalling_id);
  core_->calls.Apply(call_id,
                     [&](call::Call& c) { c.OnDialogChanged(std::move(dialog_snapshot), std::move(sip_call_id)); });
  core_->Drain();
}

void Gateway::OnLocationAnswered(const call::CallId& signalling_id, int status_code) {
  core_->calls.Apply(core_->calls.SignalledCall(signalling_id),
                     [&](call::Call& c) { c.OnLocationAnswered(status_code); });
  core_->Drain();
}

void Gateway::OnReplaced(const call::CallId& signalling_id, const call::DialogId& dialog_id, call::Party party) {
  core_->calls.Apply(core_->calls.SignalledCall(signalling_id),
                     [&](call::Call& c) { c.OnReplaced(dialog_id, party, core_->Read()); });
  core_->Drain();
}

void Gateway::OnReferral(const call::CallId& signalling_id, call::Referral referral) {
  call::ReferralRequest request;
  request.call_id = core_->calls.SignalledCall(signalling_id);
  // A visitor calls one business, and nobody else.
  const call::Call* call = core_->calls.Find(request.call_id);
  if (call != nullptr && !core_->registrations.Find(call->record().owner.registration_id)) {
    return core_->ports.sip.AnswerReferral(signalling_id, 603);
  }
  request.leg_id = core_->ports.ids.NewId();
  request.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  request.referral = std::move(referral);
  core_->calls.Refer(std::move(request), core_->Read());
  core_->Drain();
}

void Gateway::OnDevices(const call::CallId& call_id, std::vector<call::RegisteredDevice> devices) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnDevices(devices, core_->Read()); });
  core_->Drain();
}

void Gateway::OnReferred(const call::CallId& id, int status_code, std::string phrase) {
  core_->calls.Apply(id, [&](call::Call& c) { c.OnReferred(status_code, phrase, core_->Read()); });
  core_->Drain();
}

void Gateway::OnDigit(const call::CallId& signalling_id, char digit, int duration_ms) {
  OnDtmf(core_->calls.SignalledCall(signalling_id), call::Leg::kIms, std::string(1, digit), duration_ms);
}

void Gateway::OnRegistered(const registration::RegistrationId& id, registration::SipRegistered registered) {
  const bool is_new = !core_->registrations.Find(id);
  core_->registrations.OnRegistered(id, std::move(registered), core_->ReadForRegistration());
  if (const auto record = core_->registrations.Find(id)) {
    call::SipBinding binding = core_->BindingOf(*record);
    for (const call::Call* call : core_->calls.FindByRegistration(id)) {
      core_->calls.Apply(call::CallId(call->record().id),
                         [&](call::Call& c) { c.OnBindingRenewed(binding, core_->Read()); });
    }
  }
  core_->Drain();
  if (!is_new) return core_->TellOfLine(id, LineUp::kRenewed);
  // After whoever asked for it has its answer: what is told now finds the device ready.
  core_->AfterWrites([core = core_.get(), id](bool) { core->TellOfLine(id, LineUp::kNew); });
}

void Gateway::OnRegisterFailed(const registration::RegistrationId& id, registration::SipRegisterFailure failure) {
  core_->registrations.OnRegisterFailed(id, failure, core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::OnDeregisterDone(const registration::RegistrationId& id) {
  core_->registrations.OnDeregisterDone(id, core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::OnNetworkDeregistered(const registration::RegistrationId& id,
                                    registration::SipDeregistered deregistered) {
  core_->registrations.OnNetworkDeregistered(id, deregistered, core_->ReadForRegistration());
  core_->Drain();
}

// ---- media

void Gateway::OnMediaReady(const call::CallId& call_id, uint64_t change_id, call::MediaLocals locals) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnMediaReady(change_id, std::move(locals), core_->Read()); });
  core_->Drain();
}

void Gateway::OnMediaRefused(const call::CallId& call_id, uint64_t change_id, std::string reason) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnMediaRefused(change_id, reason, core_->Read()); });
  core_->Drain();
}

void Gateway::OnAccessConnected(const call::CallId& call_id) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnAccessConnected(core_->Read()); });
  core_->Drain();
}

void Gateway::OnMediaStarted(const call::CallId& call_id, call::Leg leg, const call::DialogId& stream_id) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnMediaStarted(leg, stream_id); });
  core_->Drain();
}

void Gateway::OnDtmf(const call::CallId& call_id, call::Leg leg, std::string digit, int duration_ms) {
  const call::Call* call = core_->calls.Find(call_id);
  // The browser's own digits are on their way to the network already, where it takes them in the media.
  const bool is_on_device = call && call->record().part == call::Part::kDevice;
  if (!is_on_device || call->is_ended()) return;
  if (leg != call::Leg::kIms) {
    if (core_->SendsDigitsByInfo(*call)) core_->ports.sip.SendDigits(core_->calls.SignallingIdOf(call_id), digit);
    return;
  }
  const call::CallOwner& owner = call->record().owner;
  core_->ports.events.OnEvent({owner.client_id, owner.user, owner.device_id},
                              DtmfReceived{call_id, std::move(digit), duration_ms});
}

void Gateway::OnMediaEnded(const call::CallId& call_id, call::MediaEnd end, std::string detail) {
  core_->calls.Apply(call_id, [&](call::Call& c) { c.OnMediaEnded(end, detail, core_->Read()); });
  core_->Drain();
}

}  // namespace byon::gateway
