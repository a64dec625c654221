// The web side of the gateway: CAMARA's resources.
#include <algorithm>
#include <iterator>

#include "controlplane/call/address.h"
#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/gateway/core.h"
#include "controlplane/gateway/restoration.h"

namespace byon::gateway {
namespace {

bool AreDigits(const std::string& digits) {
  return !digits.empty() && digits.size() <= 32 && std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
  });
}

using RegistrationOutcome = std::variant<registration::RegistrationRecord, registration::Refusal>;

std::function<void(std::variant<call::CallView, call::Refusal>)> DoneWaiter(Callback<Done> done) {
  return [done = std::move(done)](std::variant<call::CallView, call::Refusal> outcome) {
    if (auto* refusal = std::get_if<call::Refusal>(&outcome)) return done(ToError(*refusal));
    done(Done{});
  };
}

}  // namespace

Gateway::Core::RegistrationWaiter Gateway::Core::ToRegistered(std::string new_id, Callback<Registration> done) const {
  return [this, new_id = std::move(new_id), done = std::move(done)](const RegistrationOutcome& outcome) {
    if (const auto* refusal = std::get_if<registration::Refusal>(&outcome)) return done(ToError(*refusal));
    const auto& record = std::get<registration::RegistrationRecord>(outcome);
    Audit(new_id.empty()        ? "registration_prolonged"
          : new_id == record.id ? "registration_created"
                                : "registration_taken_over",
          record);
    done(ToRegistration(record));
  };
}

// ---- registrations

void Gateway::CreateRegistration(const Principal& who, RegistrationRequest request, Callback<Registration> done) {
  if (who.is_two_legged && !request.phone_number) {
    return done(Error{ErrorCode::kMissingIdentifier, "The phoneNumber must be given with a two-legged token."});
  }
  if (!who.is_two_legged && request.phone_number) {
    return done(
        Error{ErrorCode::kUnnecessaryIdentifier, "The phoneNumber is that of the access token and must not be given."});
  }
  std::optional<std::string> number = who.is_two_legged ? request.phone_number : who.phone_number;
  if (!number) {
    return done(Error{ErrorCode::kInvalidTokenContext, "The access token names no phone number."});
  }
  auto subscriber = core_->ports.subscribers.Find(*number);
  if (!subscriber && who.is_two_legged) {
    return done(Error{ErrorCode::kPermissionDenied,
                      "The API consumer is not authorized to register the requested phoneNumber."});
  }
  if (!subscriber) {
    return done(Error{ErrorCode::kServiceNotApplicable, "The service is not available for this phone number."});
  }
  // The device may have one that is not known yet.
  if (is_restoring()) return done(StillRestoring());
  registration::CreateRequest create;
  create.id = core_->ports.ids.NewId();
  create.contact_token = core_->ports.ids.NewId();
  create.owner = {who.client_id, who.is_two_legged ? *number : who.subject, *number, request.device_id,
                  who.is_two_legged};
  create.impu = subscriber->impu;
  create.impi = subscriber->impi;
  create.expire_time = request.expire_time;
  create.token_expires_at = who.token_expires_at;
  uint64_t waiting = core_->Await(core_->ToRegistered(create.id, std::move(done)));
  core_->registrations.Create(std::move(create), waiting, core_->ReadForRegistration());
  core_->Drain();
}

Outcome<Registration> Gateway::GetRegistration(const Principal& who, const std::string& id) {
  const auto record = core_->FindRegistration(who, id);
  if (!record) return core_->NotFound();
  return ToRegistration(*record);
}

std::vector<Registration> Gateway::ListRegistrations(const Principal& who, const std::string& device_id) {
  std::vector<Registration> result;
  for (const auto& record : core_->RegistrationsOf(who, device_id)) {
    if (core_->SpeaksFor(who, record)) result.push_back(ToRegistration(record));
  }
  return result;
}

RegistrationPage Gateway::ListRegistrationPage(const Principal& who, size_t first, size_t count) {
  RegistrationPage page;
  if (who.is_two_legged) {
    auto found = core_->registrations.PageOfClient(who.client_id, first, count);
    for (const auto& record : found.records) page.registrations.push_back(ToRegistration(record));
    page.total = found.total;
    return page;
  }
  auto all = ListRegistrations(who, "");
  page.total = all.size();
  const size_t begin = std::min(first, all.size());
  const size_t end = begin + std::min(count, all.size() - begin);
  page.registrations.assign(std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(begin)),
                            std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end)));
  return page;
}

void Gateway::UpdateRegistration(const Principal& who, const std::string& id, std::optional<WallTime> expire_time,
                                 Callback<Registration> done) {
  if (!core_->FindRegistration(who, id)) return done(core_->NotFound());
  uint64_t waiting = core_->Await(core_->ToRegistered("", std::move(done)));
  core_->registrations.Update(id, expire_time, who.token_expires_at, waiting, core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::DeleteRegistration(const Principal& who, const std::string& id, Callback<Done> done) {
  // Who has lost the number may still give it back.
  const auto own = core_->FindOwnRegistration(who, id);
  if (!own) return done(core_->NotFound());
  core_->Audit("registration_deleted", *own);
  auto finish = [done = std::move(done)](RegistrationOutcome outcome) {
    if (auto* refusal = std::get_if<registration::Refusal>(&outcome)) return done(ToError(*refusal));
    done(Done{});
  };
  uint64_t waiting = core_->Await(Core::RegistrationWaiter(std::move(finish)));
  core_->registrations.Delete(id, waiting, core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::RenewToken(const Principal& who, const DeviceKey& device) {
  if (is_restoring()) restoration_->RememberToken(who, device);
  core_->RenewToken(who, device);
  core_->Drain();
}

// ---- push

Outcome<Registration> Gateway::SetPushSubscription(const Principal& who, const std::string& id,
                                                   std::string subscription) {
  if (!core_->FindRegistration(who, id)) return core_->NotFound();
  core_->registrations.SetPush(id, std::move(subscription), core_->ReadForRegistration());
  core_->Drain();
  return GetRegistration(who, id);
}

Outcome<std::string> Gateway::GetPushSubscription(const Principal& who, const std::string& id) {
  const auto record = core_->FindRegistration(who, id);
  if (!record) return core_->NotFound();
  return record->push;
}

std::string Gateway::PushSubscriptionOf(const std::string& registration_id) const {
  const auto record = core_->registrations.Find(registration_id);
  return record ? record->push : "";
}

void Gateway::DropPushSubscription(const std::string& registration_id, const std::string& subscription) {
  const auto record = core_->registrations.Find(registration_id);
  if (!record || record->push != subscription) return;
  core_->registrations.SetPush(registration_id, "", core_->ReadForRegistration());
  core_->Drain();
}

void Gateway::AlertCaller(const std::string& media_session_id) {
  core_->calls.Apply(media_session_id, [this](call::Call& call) { call.AlertCaller(core_->Read()); });
  core_->Drain();
}

// ---- calls

bool Gateway::IsEmergency(const std::string& receiver_address) const {
  return core_->calls.IsEmergency(receiver_address);
}

void Gateway::CreateCall(const Principal& who, CallRequest request, Callback<MediaSession> done) {
  // Whatever else is wrong: who needs help must learn at once that it is not here.
  const bool is_for_help = request.is_emergency || IsEmergency(request.receiver_address);
  if (is_for_help && !core_->config.call.emergency.is_routed) {
    return done(Error{ErrorCode::kEmergencyNotSupported, "Emergency calls are not possible here, use your phone."});
  }
  const auto record = core_->FindRegistration(who, request.registration_id);
  if (!record && is_restoring() && is_for_help) {
    return done(Error{ErrorCode::kEmergencyNotSupported, "Emergency calls are not possible here yet, use your phone."});
  }
  if (!record && is_restoring()) return done(StillRestoring());
  if (!record) {
    return done(Error{ErrorCode::kInvalidTokenContext, "registrationId is not consistent with access token."});
  }
  bool is_anonymous = request.originator_address == call::kAnonymousAddress;
  if (!is_anonymous && call::PhoneNumberOf(request.originator_address) != record->owner.phone_number) {
    return done(Error{ErrorCode::kInvalidTokenContext, "originatorAddress is not consistent with access token."});
  }
  const call::CallOwner owner{record->id, record->owner.client_id, record->owner.user, record->owner.device_id};
  const std::string correlator = request.client_correlator;
  if (const call::Call* call = core_->FindRepeated(owner, correlator)) return done(core_->SessionOf(call->view()));
  call::OutgoingRequest outgoing;
  outgoing.id = request.media_session_id.empty() ? core_->ports.ids.NewId() : request.media_session_id;
  // 62 bits: a signed 64-bit number to every reader (RFC 8866 section 5.2 asks for a decimal).
  outgoing.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  outgoing.owner = owner;
  outgoing.binding = core_->BindingOf(*record);
  outgoing.originator_address = std::move(request.originator_address);
  outgoing.originator_name = std::move(request.originator_name);
  outgoing.receiver_address = std::move(request.receiver_address);
  outgoing.receiver_name = std::move(request.receiver_name);
  outgoing.offer_sdp = std::move(request.offer_sdp);
  outgoing.is_emergency = request.is_emergency;
  outgoing.location = core_->LocationOf(*record, request.location);
  outgoing.client_correlator = correlator;
  call::CallId id = outgoing.id;
  uint64_t waiting = core_->Await(core_->ToSession(std::move(done)));
  core_->calls.CreateOutgoing(std::move(outgoing), waiting, core_->Read());
  const call::Call* made = core_->calls.Find(id);
  if (made) core_->traces.Add(id, core_->Read().wall, core_->SessionOf(made->view()));
  if (made) core_->RememberCorrelator(owner, correlator, id);
  if (made) core_->Audit("call_created", *record, id);
  core_->Drain();
}

Outcome<MediaSession> Gateway::GetCall(const Principal& who, const std::string& id) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return core_->NotFound();
  return core_->SessionOf(call->view());
}

std::vector<const call::Call*> Gateway::Core::LiveCallsOf(const Principal& who, const std::string& device_id) const {
  std::vector<const call::Call*> result;
  const auto* campaign = who.is_visitor() && ports.click_to_call ? ports.click_to_call->Find(who.campaign_id) : nullptr;
  if (campaign != nullptr) result = CallsOfVisitors(*campaign, who.subject);
  for (const call::Call* call : CallsOf(who, device_id)) {
    if (!call->is_ended() && call->record().part == call::Part::kDevice) result.push_back(call);
  }
  return result;
}

std::vector<MediaSession> Gateway::ListCalls(const Principal& who, const std::string& device_id) {
  std::vector<MediaSession> result;
  for (const call::Call* call : core_->LiveCallsOf(who, device_id)) result.push_back(core_->SessionOf(call->view()));
  return result;
}

CallPage Gateway::ListCallPage(const Principal& who, const std::string& device_id, size_t first, size_t count) {
  auto live = core_->LiveCallsOf(who, device_id);
  std::erase_if(live, [](const call::Call* call) { return call::IsTerminal(call->record().status); });
  CallPage page{.calls = {}, .total = live.size()};
  // What a session says is copied for this page alone.
  for (size_t i = first; i < live.size() && page.calls.size() < count; ++i)
    page.calls.push_back(core_->SessionOf(live[i]->view()));
  return page;
}

void Gateway::ChangeStatus(const Principal& who, const std::string& id, StatusChange change,
                           Callback<MediaSession> done) {
  if (!core_->FindCall(who, id)) return done(core_->NotFound());
  uint64_t waiting = core_->Await(core_->ToSession(std::move(done)));
  core_->calls.ChangeStatus(
      id, {change.status, std::move(change.offer_sdp), std::move(change.answer_sdp), std::move(change.location_json)},
      waiting, core_->Read());
  core_->Drain();
}

void Gateway::DeleteCall(const Principal& who, const std::string& id, Callback<Done> done) {
  if (!core_->FindCall(who, id)) return done(core_->NotFound());
  uint64_t waiting = core_->Await(DoneWaiter(std::move(done)));
  core_->calls.Delete(id, waiting, core_->Read());
  core_->Drain();
}

// ---- lines

std::vector<Line> Gateway::LinesOf(const Principal& who, const std::string& phone_number) const {
  const auto found = phone_number.empty() && !who.is_two_legged ? core_->RegistrationsOf(who, "")
                                                                : core_->RegistrationsOfNumber(who, phone_number);
  std::vector<Line> lines;
  for (const auto& record : found) {
    if (core_->SpeaksFor(who, record)) lines.push_back(core_->LineOf(record));
  }
  return lines;
}

std::optional<Line> Gateway::FindLine(const Principal& who, const std::string& registration_id) const {
  const auto record = core_->FindRegistration(who, registration_id);
  if (!record) return std::nullopt;
  return core_->LineOf(*record);
}

std::vector<Line> Gateway::LinesOfNumber(const std::string& phone_number) const {
  std::vector<Line> lines;
  for (const auto& record : core_->registrations.FindByNumber(phone_number)) lines.push_back(core_->LineOf(record));
  return lines;
}

std::optional<Line> Gateway::FindByContactToken(const std::string& contact_token) const {
  const auto record = core_->registrations.FindByContactToken(contact_token);
  if (!record) return std::nullopt;
  return core_->LineOf(*record);
}

std::vector<MediaSession> Gateway::LiveCallsOn(const std::string& registration_id) const {
  std::vector<MediaSession> sessions;
  for (const call::Call* call : core_->calls.FindByRegistration(registration_id)) {
    const bool is_live = !call->is_ended() && call->is_known_to_device() && call->record().part == call::Part::kDevice;
    if (is_live) sessions.push_back(core_->SessionOf(call->view()));
  }
  return sessions;
}

// ---- extensions

Outcome<CallDetails> Gateway::GetCallDetails(const Principal& who, const std::string& id) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return core_->NotFound();
  return CallDetails{core_->SessionOf(call->view()), core_->traces.CauseOf(id), core_->traces.HistoryOf(id),
                     core_->traces.DiversionsOf(id), core_->traces.DivertedToOf(id)};
}

void Gateway::ChangeLocation(const Principal& who, const std::string& id, const emergency::Location& location,
                             Callback<Done> done) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return done(core_->NotFound());
  const call::SipBinding& binding = call->record().binding;
  std::string document = emergency::BuildPidfLo(location, binding.impu, binding.instance_id, core_->Read().wall);
  const uint64_t waiting = core_->Await(DoneWaiter(std::move(done)));
  core_->calls.Apply(id, [&](call::Call& c) { c.ChangeLocation(std::move(document), waiting); });
  core_->Drain();
}

void Gateway::SendDtmf(const Principal& who, const std::string& id, const std::string& digits, Callback<Done> done) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return done(core_->NotFound());
  if (!AreDigits(digits)) {
    return done(Error{ErrorCode::kInvalidArgument, "The digits must be 1 to 32 of 0-9, *, # and A-D."});
  }
  if (!call::IsAnswered(call->status())) {
    return done(Error{ErrorCode::kIncompatibleState, "Digits can be sent while the call is connected only."});
  }
  if (core_->SendsDigitsByInfo(*call)) {
    core_->ports.sip.SendDigits(core_->calls.SignallingIdOf(id), digits);
    return done(Done{});
  }
  core_->ports.media.SendDtmf(id, digits, [done = std::move(done)](std::optional<std::string> error) {
    if (error) return done(Error{ErrorCode::kUnavailable, *error});
    done(Done{});
  });
}

void Gateway::Play(const Principal& who, const std::string& id, PlaybackRequest request, Callback<Done> done) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return done(core_->NotFound());
  if (!call::IsAnswered(call->status())) {
    return done(Error{ErrorCode::kIncompatibleState, "Something can be played while the call is connected only."});
  }
  call::Playback playback{request.is_for_peer ? call::Leg::kIms : call::Leg::kAccess, std::move(request.announcement),
                          request.tone, request.is_looped, core_->ports.ids.NewId()};
  core_->ports.media.Play(id, std::move(playback), [done = std::move(done)](call::PlayOutcome outcome) {
    if (outcome == call::PlayOutcome::kDone) return done(Done{});
    if (outcome == call::PlayOutcome::kFailed)
      return done(Error{ErrorCode::kUnavailable, "The media plane did not take it."});
    done(Error{ErrorCode::kNotFound, "There is no announcement of this name."});
  });
}

void Gateway::GetQuality(const Principal& who, const std::string& id, Callback<MediaQuality> done) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call || call->is_ended()) return done(core_->NotFound());
  core_->ports.media.GetStats(id, [done = std::move(done)](std::optional<call::MediaStats> stats) {
    if (!stats) return done(Error{ErrorCode::kUnavailable, "The media plane gave no figures."});
    done(MediaQuality{std::move(stats->access), std::move(stats->ims), std::move(stats->drops)});
  });
}

}  // namespace byon::gateway
