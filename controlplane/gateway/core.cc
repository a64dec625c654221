#include "controlplane/gateway/core.h"

#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/gateway/record_json.h"

namespace byon::gateway {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

DeviceKey KeyOf(const call::CallOwner& owner) { return {owner.client_id, owner.user, owner.device_id}; }
DeviceKey KeyOf(const registration::RegistrationOwner& owner) { return {owner.client_id, owner.user, owner.device_id}; }

bool MaySee(const Principal& who, const std::string& client_id, const std::string& user) {
  return who.client_id == client_id && (who.is_two_legged || who.subject == user);
}

}  // namespace

Gateway::Core::Core(GatewayConfig c, GatewayPorts p)
    : config(std::move(c)), ports(p), calls(config.call), registrations(config.registration, p.ids.NewNumber()) {}

Gateway::Core::~Core() {
  *is_alive_ = false;
  ports.alarm.Cancel();
}

std::function<void(std::function<void()>)> Gateway::Core::Poster() const {
  return [is_alive = is_alive_, post = ports.post](std::function<void()> task) {
    auto run = [task = std::move(task), is_alive] {
      if (*is_alive) task();
    };
    post ? post(std::move(run)) : run();
  };
}

void Gateway::Core::AfterWrites(std::function<void(bool)> done) {
  ports.store.AfterWrites(
      [done = std::move(done), post = Poster()](bool are_safe) { post([done, are_safe] { done(are_safe); }); });
}

void Gateway::Core::Drain() {
  if (is_draining_) return;
  is_draining_ = true;
  while (true) {
    // Calls first: TS 24.229 section 5.1.1.6.1 has a user's dialogs released before he de-registers.
    if (auto call_action = calls.PollAction()) {
      Execute(call_action->call_id, call_action->action);
    } else if (const auto use = calls.PollUse()) {
      registrations.SetInUse(use->registration_id, use->is_in_use, ReadForRegistration());
    } else if (auto action = registrations.PollAction()) {
      Execute(*action);
    } else {
      break;
    }
  }
  is_draining_ = false;
  SetAlarm();
}

void Gateway::Core::DrainLater() {
  ports.alarm.Set(Read().steady, [this] { HandleAlarm(); });
}

void Gateway::Core::HandleAlarm() {
  registrations.HandleTimeout(ReadForRegistration());
  calls.HandleTimeout(Read());
  Drain();
}

void Gateway::Core::SetAlarm() {
  call::Deadline next = std::min(calls.NextDeadline(), registrations.NextDeadline());
  if (next == call::kNoDeadline) {
    ports.alarm.Cancel();
  } else {
    ports.alarm.Set(next, [this] { HandleAlarm(); });
  }
}

Gateway::Core::CallWaiter Gateway::Core::ToSession(Callback<MediaSession> done) const {
  return [this, done = std::move(done)](std::variant<call::CallView, call::Refusal> outcome) {
    if (auto* refusal = std::get_if<call::Refusal>(&outcome)) return done(ToError(*refusal));
    done(SessionOf(std::get<call::CallView>(outcome)));
  };
}

uint64_t Gateway::Core::Await(CallWaiter waiter) {
  call_waiters_[++last_request_] = std::move(waiter);
  return last_request_;
}
uint64_t Gateway::Core::Await(RegistrationWaiter waiter) {
  registration_waiters_[++last_request_] = std::move(waiter);
  return last_request_;
}

// ---- calls

void Gateway::Core::Execute(const call::CallId& id, call::Action& action) {
  const call::CallId dialog = calls.SignallingIdOf(id);
  std::visit(
      Overloaded{[&](call::SendInvite& a) { ports.sip.Invite(std::move(a.invite)); },
                 [&](call::RenewBinding&) {
                   if (const call::Call* call = calls.Find(id)) {
                     registrations.Refresh(call->record().owner.registration_id);
                   }
                 },
                 [&](call::SendCancel& a) { ports.sip.Cancel(dialog, a.reason); },
                 [&](call::SendProvisional& a) { ports.sip.SendProgress(dialog, a.status_code, std::move(a.sdp)); },
                 [&](call::SendAccept& a) { ports.sip.Accept(dialog, std::move(a.sdp)); },
                 [&](call::SendReject& a) { ports.sip.Reject(dialog, a.status_code, a.reason); },
                 [&](call::SendSdpOffer& a) { ports.sip.SendOffer(dialog, a.dialog_id, std::move(a.sdp)); },
                 [&](call::SendSdpAnswer& a) { ports.sip.SendAnswer(dialog, a.dialog_id, std::move(a.sdp)); },
                 [&](call::SendLocation& a) { ports.sip.SendLocation(dialog, a.dialog_id, std::move(a.document)); },
                 [&](call::SendBye& a) { ports.sip.Bye(dialog, a.reason); },
                 [&](call::FindDevices& a) { ports.sip.FindDevices(id, a.binding); },
                 [&](call::SendReferral& a) { ports.sip.Refer(std::move(a.referral)); },
                 [&](call::LeaveReferral&) { ports.sip.LeaveReferral(id); },
                 [&](call::AnswerReferral& a) { ports.sip.AnswerReferral(dialog, a.status_code); },
                 [&](call::ReportReferral& a) { ports.sip.ReportReferral(dialog, a.status_code, a.phrase); },
                 [&](call::NotifyReferral& a) { TellOfReferral(id, a); },
                 [&](call::CreateMedia& a) {
                   CountStart(id);
                   ports.media.Create(id, std::move(a.initial));
                 },
                 [&](call::ModifyMedia& a) { ports.media.Modify(id, a.change_id, std::move(a.change)); },
                 [&](call::CloseMedia& a) { ports.media.Close(id, a.reason); },
                 [&](call::PlayTone& a) { ports.media.PlayTone(id, a.leg, a.tone); },
                 [&](call::JoinMedia& a) {
                   ports.media.Join(id, a.peer, [this, id](const std::optional<std::string>& error) {
                     calls.Apply(id, [&](call::Call& c) { c.OnMediaJoined(error, Read()); });
                     Drain();
                   });
                 },
                 [&](call::NotifyTransfer& a) { TellOfTransfer(id, a); },
                 [&](call::NotifyEmergency& a) { TellOfEmergency(id, a); },
                 [&](call::NotifyFork& a) { ++stats.forks[std::string(call::ToString(a.step))]; },
                 [](call::TellPartner&) {},  // the registry's own
                 [&](call::NotifyDevice& a) {
                   CountEvent(a);
                   const call::Call* call = calls.Find(id);
                   if (!call) return;
                   MediaSession session = SessionOf(a.view);
                   if (const CallTrace* trace = traces.Find(id)) {
                     session.sip_call_id = trace->sip_call_id;
                     session.charging_id = trace->charging_id;
                   }
                   traces.Add(id, Read().wall, session);
                   PersistTrace(id);
                   DeviceKey device = KeyOf(call->record().owner);
                   if (a.is_invitation) {
                     ports.events.OnEvent(device, SessionInvitation{std::move(session)});
                   } else {
                     ports.events.OnEvent(device, SessionStatus{std::move(session), std::move(a.location_json)});
                   }
                 },
                 [&](call::CompleteRequest& a) {
                   auto waiter = call_waiters_.extract(a.request);
                   if (!waiter.empty()) waiter.mapped()(std::move(a.outcome));
                 },
                 [&](call::Persist&) { PersistCall(id); },
                 [&](call::Forget&) {
                   ports.store.Delete(store::Kind::kCall, id);
                   ports.store.Delete(store::Kind::kCallTrace, id);
                   connected_.erase(id);
                   if (const auto key = correlator_keys_.extract(id); !key.empty()) correlators.erase(key.mapped());
                   traces.Forget(id);
                 }},
      action);
}

// A step of a call that its status does not show.
void Gateway::Core::AddStep(const call::Call& call, std::string reason) {
  MediaSession step = SessionOf(call.view());
  step.status = call.record().status;
  step.sequence_number = 0;
  step.reason = std::move(reason);
  traces.Add(call.record().id, Read().wall, step);
  PersistTrace(call.record().id);
}

void Gateway::Core::TellOfReferral(const call::CallId& id, const call::NotifyReferral& news) {
  const call::Call* call = calls.Find(id);
  if (!call) return;
  const std::string state(call::ToString(news.state));
  AddStep(*call, "Transfer by the other side to " + news.target_address + ' ' + state +
                     (news.reason.empty() ? "" : ": " + news.reason));
  ++stats.referrals[state];
  ports.events.OnEvent(KeyOf(call->record().owner), ReferralProgress{id, news.state, news.target_address, news.reason});
}

void Gateway::Core::TellOfTransfer(const call::CallId& id, const call::NotifyTransfer& news) {
  const call::Call* call = calls.Find(id);
  if (!call) return;
  AddStep(*call,
          "Transfer " + std::string(call::ToString(news.state)) + (news.reason.empty() ? "" : ": " + news.reason));
  ++stats.transfers[std::string(call::ToString(news.state))];
  ports.events.OnEvent(KeyOf(call->record().owner), TransferProgress{id, news.state, news.reason});
}

void Gateway::Core::TellOfEmergency(const call::CallId& id, call::NotifyEmergency& news) {
  ++stats.emergencies[std::string(call::ToString(news.step))];
  ports.events.OnEvent(KeyOf(news.owner),
                       EmergencyNotice{id, news.step, std::move(news.service_urn), news.has_location});
}

std::string Gateway::Core::LocationOf(const registration::RegistrationRecord& record,
                                      const emergency::Location& of_device) const {
  if (!config.call.emergency.is_routed) return {};
  const auto build = [&](const emergency::Location& location) {
    return emergency::BuildPidfLo(location, record.impu, record.instance_id, Read().wall);
  };
  if (!of_device.is_empty()) return build(of_device);
  const auto line = ports.subscribers.Find(record.owner.phone_number);
  return line ? build(line->location) : std::string();
}

// The caller's side of a fork is no call beside those of the devices that ring for it.
void Gateway::Core::CountStart(const call::CallId& id) {
  const call::Call* call = calls.Find(id);
  stats.calls_started += call == nullptr || call->record().part != call::Part::kFork;
}

void Gateway::Core::CountEvent(const call::NotifyDevice& event) {
  if (event.view.status == call::Status::kConnected && connected_.insert(event.view.id).second) {
    ++stats.calls_connected;
  }
  if (call::IsTerminal(event.view.status)) ++stats.calls_ended[std::string(ToString(event.view.status))];
}

void Gateway::Core::PersistCall(const call::CallId& id) {
  const call::Call* call = calls.Find(id);
  if (!call) return;
  ports.store.Put(store::Kind::kCall, id, ToJson(call->record()), ExpiryOf(*call));
  if (call->record().part != call::Part::kAway) return;
  MediaSession away = SessionOf(call->view());
  away.status = call->record().status;
  for (LineObserver* observer : line_observers) observer->OnCallAway(away);
}

void Gateway::Core::PersistTrace(const call::CallId& id) {
  const call::Call* call = calls.Find(id);
  const CallTrace* trace = traces.Find(id);
  if (!call || !trace) return;
  ports.store.Put(store::Kind::kCallTrace, id, ToJson(*trace), ExpiryOf(*call));
}

std::optional<WallTime> Gateway::Core::ExpiryOf(const call::Call& call) const {
  return call.is_ended() ? std::optional(Read().wall + config.call.tombstone) : std::nullopt;
}

// ---- registrations

void Gateway::Core::Execute(registration::Action& action) {
  std::visit(
      Overloaded{
          [&](registration::SendRegister& a) { ports.registrar.Register(a.registration); },
          [&](registration::SendDeregister& a) { ports.registrar.Deregister(a.id); },
          [&](registration::RestoreSip& a) { ports.registrar.Restore(a.registration, a.registered); },
          [&](registration::CompleteRequest& a) { a.must_be_kept ? CompleteWhenKept(std::move(a)) : Complete(a); },
          [&](registration::NotifyEnd& a) {
            Audit("registration_ended", a.record);
            ports.events.OnEvent(KeyOf(a.record.owner), RegistrationEnds{a.record.id, a.is_expired, a.description});
          },
          [&](registration::EndCalls& a) {
            calls.EndCallsOf(a.id, a.reason, Read());
            for (LineObserver* observer : line_observers) observer->OnLineDown(a.id);
          },
          [&](registration::Persist& a) {
            if (const auto record = registrations.Find(a.id)) {
              ports.store.Put(store::Kind::kRegistration, a.id, ToJson(*record), std::nullopt);
            }
          },
          [&](registration::Erase& a) { ports.store.Delete(store::Kind::kRegistration, a.id); }},
      action);
}

void Gateway::Core::Complete(registration::CompleteRequest& request) {
  auto waiter = registration_waiters_.extract(request.request);
  if (!waiter.empty()) waiter.mapped()(std::move(request.outcome));
}

// Whoever has been told of a registration finds it again, also when this process dies the moment after.
void Gateway::Core::CompleteWhenKept(registration::CompleteRequest request) {
  AfterWrites([this, request = std::move(request)](bool are_safe) mutable {
    if (!are_safe) {
      const auto& record = std::get<registration::RegistrationRecord>(request.outcome);
      if (request.is_new) registrations.OnNotKept(record.id, ReadForRegistration());
      request.outcome =
          registration::Refusal{registration::RefusalKind::kUnavailable, "The registration could not be stored."};
    }
    Complete(request);
    Drain();
  });
}

void Gateway::Core::TellOfLine(const registration::RegistrationId& id, LineUp how) const {
  const auto record = registrations.Find(id);
  if (!record) return;
  const Line line = LineOf(*record);
  for (LineObserver* observer : line_observers) observer->OnLineUp(line, how);
}

void Gateway::Core::Audit(std::string_view what, const registration::RegistrationRecord& of,
                          const std::string& call_id) const {
  const registration::RegistrationOwner& owner = of.owner;
  if (!ports.audit) return;
  ports.audit({what, owner.client_id, owner.is_two_legged ? "" : owner.user, owner.phone_number, of.id, call_id});
}

std::optional<registration::RegistrationRecord> Gateway::Core::FindOwnRegistration(const Principal& who,
                                                                                   const std::string& id) const {
  auto record = registrations.Find(id);
  if (record && !MaySee(who, record->owner.client_id, record->owner.user)) return std::nullopt;
  return record;
}

std::optional<registration::RegistrationRecord> Gateway::Core::FindRegistration(const Principal& who,
                                                                                const std::string& id) const {
  auto record = FindOwnRegistration(who, id);
  if (record && !SpeaksFor(who, *record)) return std::nullopt;
  return record;
}

Error Gateway::Core::NotFound() const {
  return restored == Restored::kAll ? Error{ErrorCode::kNotFound, "The specified resource is not found."}
                                    : StillRestoring();
}

void Gateway::Core::RenewToken(const Principal& who, const DeviceKey& device) {
  const std::string number = who.is_two_legged ? device.user : who.phone_number.value_or("");
  registrations.RenewToken(device.client_id, device.user, device.device_id, number, who.token_expires_at,
                           ReadForRegistration());
}

bool Gateway::Core::SpeaksFor(const Principal& who, const registration::RegistrationRecord& record) {
  return who.is_two_legged || who.phone_number == record.owner.phone_number;
}

const call::Call* Gateway::Core::FindCall(const Principal& who, const std::string& id) const {
  const call::Call* call = calls.Find(id);
  if (!call) return nullptr;
  const call::CallOwner& owner = call->record().owner;
  // A call that nobody has been told of yet does not exist for its device either.
  // Nor do the legs of calls that move.
  const call::Part part = call->record().part;
  const bool is_leg = part != call::Part::kDevice && part != call::Part::kAway;
  if (is_leg || !call->is_known_to_device()) return nullptr;
  return MaySee(who, owner.client_id, owner.user) ? call : nullptr;
}

std::vector<registration::RegistrationRecord> Gateway::Core::RegistrationsOf(const Principal& who,
                                                                             const std::string& device_id) const {
  // Many may call their device by the same name: a user's own are few.
  auto found = !who.is_two_legged  ? registrations.FindByUser(who.client_id, who.subject)
               : device_id.empty() ? registrations.FindByClient(who.client_id)
                                   : registrations.FindByDevice(device_id);
  std::erase_if(found, [&](const registration::RegistrationRecord& record) {
    const bool is_other_device = !device_id.empty() && record.owner.device_id != device_id;
    return is_other_device || !MaySee(who, record.owner.client_id, record.owner.user);
  });
  return found;
}

std::vector<registration::RegistrationRecord> Gateway::Core::RegistrationsOfNumber(
    const Principal& who, const std::string& phone_number) const {
  auto found = registrations.FindByNumber(phone_number);
  std::erase_if(found, [&](const registration::RegistrationRecord& record) {
    return !MaySee(who, record.owner.client_id, record.owner.user);
  });
  return found;
}

std::vector<const call::Call*> Gateway::Core::CallsOf(const Principal& who, const std::string& device_id) const {
  std::vector<const call::Call*> found;
  const auto add = [&found](const call::Call* call) {
    if (call->is_known_to_device()) found.push_back(call);
  };
  if (who.is_two_legged && device_id.empty()) {
    // Of a client's registrations few have a call.
    for (const call::Call* call : calls.FindByClient(who.client_id)) {
      if (registrations.IsRegistered(call->record().owner.registration_id)) add(call);
    }
    return found;
  }
  for (const auto& record : RegistrationsOf(who, device_id)) {
    for (const call::Call* call : calls.FindByRegistration(record.id)) add(call);
  }
  return found;
}

void Gateway::Core::Apply(const call::CallId& id, SipCause cause, const std::function<void(call::Call&)>& input) {
  traces.Hear(id, std::move(cause));
  calls.Apply(id, input);
  Drain();
  traces.Settle(id);
}

std::string Gateway::Core::CorrelatorKey(const call::CallOwner& owner, const std::string& client_correlator) {
  return owner.client_id + '\n' + owner.user + '\n' + client_correlator;
}

const call::Call* Gateway::Core::FindRepeated(const call::CallOwner& owner,
                                              const std::string& client_correlator) const {
  if (client_correlator.empty()) return nullptr;
  const auto known = correlators.find(CorrelatorKey(owner, client_correlator));
  return known == correlators.end() ? nullptr : calls.Find(known->second);
}

void Gateway::Core::RememberCorrelator(const call::CallOwner& owner, const std::string& client_correlator,
                                       const call::CallId& id) {
  if (client_correlator.empty()) return;
  std::string key = CorrelatorKey(owner, client_correlator);
  correlators[key] = id;
  correlator_keys_[id] = std::move(key);
}

MediaSession Gateway::Core::SessionOf(const call::CallView& view) const { return ToMediaSession(view); }

call::SipBinding Gateway::Core::BindingOf(const registration::RegistrationRecord& record) const {
  return {record.id,
          record.impu,
          record.contact_token,
          record.instance_id,
          record.registered.next_hop,
          record.registered.service_route,
          record.registered.associated_uris};
}

Line Gateway::Core::LineOf(const registration::RegistrationRecord& record) const {
  return {record.id, KeyOf(record.owner), record.owner.phone_number, BindingOf(record)};
}

// ---- conversions

MediaSession ToMediaSession(const call::CallView& view) {
  MediaSession session;
  session.media_session_id = view.id;
  session.registration_id = view.registration_id;
  session.device_id = view.device_id;
  session.originator_address = view.originator_address;
  session.originator_name = view.originator_name;
  session.originator_assurance = view.originator_assurance;
  session.receiver_address = view.receiver_address;
  session.receiver_name = view.receiver_name;
  session.status = view.status;
  session.reason = view.reason;
  session.offer_sdp = view.offer_sdp;
  session.answer_sdp = view.answer_sdp;
  session.is_originating = view.is_originating;
  session.emergency = view.emergency;
  session.sequence_number = view.sequence_number;
  session.created_at = view.created_at;
  session.connected_at = view.connected_at;
  session.client_correlator = view.client_correlator;
  return session;
}

Registration ToRegistration(const registration::RegistrationRecord& record) {
  return {record.id, record.owner.device_id, record.owner.phone_number, record.expires_at};
}

Error ToError(const call::Refusal& refusal) {
  switch (refusal.kind) {
    case call::RefusalKind::kInvalidArgument: return {ErrorCode::kInvalidArgument, refusal.message};
    case call::RefusalKind::kNotFound: return {ErrorCode::kNotFound, refusal.message};
    case call::RefusalKind::kIncompatibleState: return {ErrorCode::kIncompatibleState, refusal.message};
    case call::RefusalKind::kEmergency: return {ErrorCode::kEmergencyNotSupported, refusal.message};
    case call::RefusalKind::kBarred: return {ErrorCode::kPermissionDenied, refusal.message};
    case call::RefusalKind::kQuotaExceeded: return {ErrorCode::kQuotaExceeded, refusal.message};
    case call::RefusalKind::kUnavailable: return {ErrorCode::kUnavailable, refusal.message};
  }
  return {ErrorCode::kInternal, refusal.message};
}

Error ToError(const registration::Refusal& refusal) {
  using registration::RefusalKind;
  switch (refusal.kind) {
    case RefusalKind::kOutOfRange: return {ErrorCode::kOutOfRange, refusal.message};
    case RefusalKind::kAlreadyExists: return {ErrorCode::kAlreadyExists, refusal.message};
    case RefusalKind::kNotFound: return {ErrorCode::kNotFound, refusal.message};
    case RefusalKind::kMaxPerUser: return {ErrorCode::kMaxRegistrationsPerUser, refusal.message};
    case RefusalKind::kMaxPerMsisdn: return {ErrorCode::kMaxRegistrationsPerMsisdn, refusal.message};
    case RefusalKind::kMaxDevices: return {ErrorCode::kMaxDevicesPerUser, refusal.message};
    case RefusalKind::kQuotaExceeded: return {ErrorCode::kQuotaExceeded, refusal.message};
    case RefusalKind::kNotApplicable: return {ErrorCode::kServiceNotApplicable, refusal.message};
    case RefusalKind::kUnavailable: return {ErrorCode::kUnavailable, refusal.message, refusal.retry_after};
    case RefusalKind::kTimeout: return {ErrorCode::kTimeout, refusal.message};
  }
  return {ErrorCode::kInternal, refusal.message};
}

}  // namespace byon::gateway
