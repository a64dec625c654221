// Calls that move between the user's devices and phone, those that the phone has made without us among them.
#include <algorithm>
#include <cstdio>
#include <set>

#include "controlplane/call/address.h"
#include "controlplane/gateway/core.h"

namespace byon::gateway {
namespace {

// Always the same for the same dialog, and without its tags: only the number's own users find anything under it.
std::string NameOfDialog(const call::ReplacedDialog& dialog) {
  const std::string text = dialog.call_id + '\n' + dialog.to_tag + '\n' + dialog.from_tag;
  const std::hash<std::string> hash;
  char name[33];
  std::snprintf(name, sizeof name, "%016zx%016zx", hash(text), hash(text + '\n'));
  return name;
}

}  // namespace

std::vector<Gateway::NetworkCall> Gateway::Core::NetworkCallsOf(const std::string& number) const {
  std::vector<NetworkCall> found;
  if (!config.pulls_calls || dialogs == nullptr) return found;
  std::set<std::string> own_dialogs;  // the network tells of the calls that go through here too
  for (const auto& device : registrations.FindByNumber(number)) {
    for (const call::Call* call : calls.FindByRegistration(device.id)) own_dialogs.insert(call->record().sip_call_id);
  }
  for (const presence::DialogEntry& dialog : dialogs->DialogsOf(number)) {
    const bool has_names = !dialog.call_id.empty() && !dialog.local_tag.empty() && !dialog.remote_tag.empty();
    const bool is_free = dialog.phase == presence::DialogPhase::kConfirmed && !dialog.is_exclusive;
    if (!has_names || !is_free || own_dialogs.contains(dialog.call_id)) continue;
    if (call::IsEmergencyAddress(dialog.remote_uri, config.call.emergency_numbers)) continue;
    NetworkCall call;
    // The receiver of our INVITE is at the other end of the phone's dialog.
    call.dialog = {dialog.call_id, dialog.remote_tag, dialog.local_tag};
    call.shown.is_on_phone = call.shown.is_of_network = true;
    MediaSession& session = call.shown.session;
    session.media_session_id = NameOfDialog(call.dialog);
    session.is_originating = dialog.is_initiator;
    session.status = call::Status::kConnected;
    const std::string peer = call::ShownAddressOf(dialog.remote_uri, config.call.home_domain);
    session.originator_address = dialog.is_initiator ? "tel:" + number : peer;
    session.receiver_address = dialog.is_initiator ? peer : "tel:" + number;
    (dialog.is_initiator ? session.receiver_name : session.originator_name) =
        call::CleanDisplayName(dialog.remote_name);
    session.created_at = Read().wall;
    found.push_back(std::move(call));
  }
  return found;
}

call::ForkSetup Gateway::Core::ForkOf(const registration::RegistrationRecord& reached, bool is_callback) const {
  const call::ForkConfig& config_of_fork = config.call.fork;
  const std::string& number = reached.owner.phone_number;
  call::ForkSetup fork;
  for (const auto& device : registrations.FindByNumber(number)) {
    const bool is_gone = registrations.IsOverdue(device.id) && !is_callback;
    if (device.impu != reached.impu || is_gone) continue;
    fork.devices.push_back({ports.ids.NewId(),
                            {device.id, device.owner.client_id, device.owner.user, device.owner.device_id},
                            BindingOf(device)});
  }
  fork.phone_leg = ports.ids.NewId();
  fork.sdp_session_id = ports.ids.NewNumber() >> 2;
  fork.phone_uri = call::PhoneUriOf(config_of_fork.phone, number);
  fork.phone_address = "tel:" + number;
  return fork;
}

void Gateway::TransferCall(const Principal& who, const std::string& id, TransferRequest request,
                           Callback<MediaSession> done) {
  const call::Call* call = core_->FindCall(who, id);
  if (!call) return done(core_->NotFound());
  if (who.is_visitor()) return done(Error{ErrorCode::kPermissionDenied, "A visitor's call cannot be moved."});
  call::TransferRequest transfer;
  transfer.call_id = id;
  transfer.phone_leg_id = core_->ports.ids.NewId();
  transfer.move_id = core_->ports.ids.NewId();
  transfer.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  // The own number is the own phone, whatever it is called.
  const auto own = core_->registrations.Find(call->record().owner.registration_id);
  const bool is_own = own && call::PhoneNumberOf(request.to_address) == own->owner.phone_number;
  if (own) transfer.binding = core_->BindingOf(*own);
  if (!is_own) transfer.to_address = std::move(request.to_address);
  const auto devices = own ? core_->RegistrationsOfNumber(who, own->owner.phone_number)
                           : std::vector<registration::RegistrationRecord>();
  for (const auto& record : devices) {
    if (record.impu == call->record().binding.impu) transfer.excluded_instances.push_back(record.instance_id);
  }
  uint64_t waiting = core_->Await(core_->ToSession(std::move(done)));
  core_->calls.Transfer(std::move(transfer), waiting, core_->Read());
  core_->Drain();
}

void Gateway::CancelTransfer(const Principal& who, const std::string& id, Callback<Done> done) {
  if (!core_->FindCall(who, id)) return done(core_->NotFound());
  auto finish = [done = std::move(done)](std::variant<call::CallView, call::Refusal> outcome) {
    if (auto* refusal = std::get_if<call::Refusal>(&outcome)) return done(ToError(*refusal));
    done(Done{});
  };
  uint64_t waiting = core_->Await(Core::CallWaiter(std::move(finish)));
  core_->calls.CancelTransfer(id, waiting, core_->Read());
  core_->Drain();
}

CallElsewherePage Gateway::ListElsewhere(const Principal& who, const std::string& device_id, size_t first,
                                         size_t count) {
  // A server's token speaks for many numbers; a device takes over calls of its own.
  std::set<std::string> users;
  std::set<std::string> numbers;
  const bool is_of_many = who.is_two_legged && device_id.empty();
  for (const auto& record : is_of_many ? std::vector<registration::RegistrationRecord>()
                                       : core_->RegistrationsOf(who, who.is_two_legged ? device_id : "")) {
    users.insert(record.owner.user);
    numbers.insert(record.owner.phone_number);
  }
  CallElsewherePage page;
  // What a session says is copied for this page alone.
  const auto is_on_page = [&] { return page.total++ >= first && page.calls.size() < count; };
  for (const call::Call* call : core_->CallsOf(who, "")) {
    const call::CallOwner& owner = call->record().owner;
    const bool is_on_phone = call->record().part == call::Part::kAway;
    const bool is_on_other_device = !device_id.empty() && owner.device_id != device_id;
    if (call->CheckPull() || !(is_on_phone || is_on_other_device)) continue;
    if (who.is_two_legged && !device_id.empty() && !users.contains(owner.user)) continue;
    if (!is_on_page()) continue;
    CallElsewhere found{core_->SessionOf(call->view()), is_on_phone};
    found.session.status = call->record().status;
    page.calls.push_back(std::move(found));
  }
  for (const std::string& number : numbers) {
    if (who.phone_number && *who.phone_number != number) continue;
    for (auto& call : core_->NetworkCallsOf(number)) {
      if (is_on_page()) page.calls.push_back(std::move(call.shown));
    }
  }
  return page;
}

void Gateway::PullCall(const Principal& who, PullRequest request, Callback<MediaSession> done) {
  const call::Call* wanted = core_->FindCall(who, request.call_id);
  const auto record = core_->FindRegistration(who, request.registration_id);
  if (wanted == nullptr) {
    const auto of_phone = record ? core_->NetworkCallsOf(record->owner.phone_number) : std::vector<NetworkCall>();
    const auto found = std::find_if(of_phone.begin(), of_phone.end(), [&](const NetworkCall& call) {
      return call.shown.session.media_session_id == request.call_id;
    });
    if (found == of_phone.end()) return done(core_->NotFound());
    return PullFromNetwork(*record, *found, std::move(request.offer_sdp), std::move(done));
  }
  if (!record && is_restoring()) return done(StillRestoring());
  if (!record) {
    return done(Error{ErrorCode::kInvalidTokenContext, "registrationId is not consistent with access token."});
  }
  if (record->owner.user != wanted->record().owner.user) {
    return done(Error{ErrorCode::kInvalidTokenContext, "registrationId is of another number than the call."});
  }
  call::PullRequest pull;
  pull.call_id = request.call_id;
  pull.id = core_->ports.ids.NewId();
  pull.owner = {record->id, record->owner.client_id, record->owner.user, record->owner.device_id};
  pull.originator_address = "tel:" + record->owner.phone_number;
  pull.offer_sdp = std::move(request.offer_sdp);
  const call::CallId id = pull.id;
  uint64_t waiting = core_->Await(core_->ToSession(std::move(done)));
  core_->calls.Pull(std::move(pull), waiting, core_->Read());
  if (const call::Call* made = core_->calls.Find(id)) {
    core_->traces.Add(id, core_->Read().wall, core_->SessionOf(made->view()));
    core_->Audit("call_created", *record, id);
  }
  core_->Drain();
}

void Gateway::PullFromNetwork(const registration::RegistrationRecord& record, const NetworkCall& of_phone,
                              std::string offer_sdp, Callback<MediaSession> done) {
  call::NetworkPullRequest pull;
  pull.replaces = of_phone.dialog;
  pull.call.id = core_->ports.ids.NewId();
  pull.call.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  pull.call.owner = {record.id, record.owner.client_id, record.owner.user, record.owner.device_id};
  pull.call.binding = core_->BindingOf(record);
  pull.call.originator_address = "tel:" + record.owner.phone_number;
  const MediaSession& shown = of_phone.shown.session;
  pull.call.receiver_address = shown.is_originating ? shown.receiver_address : shown.originator_address;
  pull.call.receiver_name = shown.is_originating ? shown.receiver_name : shown.originator_name;
  pull.call.offer_sdp = std::move(offer_sdp);
  const call::CallId id = pull.call.id;
  uint64_t waiting = core_->Await(core_->ToSession(std::move(done)));
  core_->calls.PullFromNetwork(std::move(pull), waiting, core_->Read());
  if (const call::Call* made = core_->calls.Find(id)) {
    core_->traces.Add(id, core_->Read().wall, core_->SessionOf(made->view()));
    core_->Audit("call_created", record, id);
  }
  core_->Drain();
}

}  // namespace byon::gateway
