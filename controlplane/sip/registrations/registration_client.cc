#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/request_policy.h"

#include <algorithm>
#include <utility>

namespace byon::sip {

using registration::RegistrationId;
using registration::SipRegistered;
using registration::SipRegistration;
using std::chrono::seconds;

namespace {

// A user part or a header that came from our own rooms but ends up in a message.
bool IsUsable(const SipRegistration& registration) {
  const std::string contact = "sip:" + registration.contact_token + "@x";
  return IsSafeUri(registration.impu) && IsSafeUri(contact) && !registration.contact_token.empty() &&
         IsSafeText(registration.impi) && IsSafeText(registration.instance_id) &&
         registration.instance_id.find_first_of("<>\"") == std::string::npos;
}

}  // namespace

RegistrationClient::RegistrationClient(ShardContext& context)
    : context_(context), reg_events_(context, *this), renewal_timer_(context.thread), doubt_timer_(context.thread) {}

std::string RegistrationClient::ImpiOf(const RegistrationId& id) const {
  const auto binding = Peek(id);
  return binding ? binding->wanted.impi : std::string();
}

std::string RegistrationClient::ImpiOfToken(const std::string& token) const {
  return ImpiOf(bindings_.IdOfToken(token));
}

ShardContext::DialogContact RegistrationClient::DialogContactOf(const std::string& token) const {
  const auto binding = PeekToken(token);
  if (!binding) return {};
  return {.gruu = binding->gruu, .is_outbound = binding->is_outbound};
}

std::string RegistrationClient::AssertedIdentityOf(const std::string& token, const std::string& called_uri) const {
  const auto binding = context_.config.profile == SipProfile::kTrustedNode ? PeekToken(token) : std::nullopt;
  if (!binding) return {};
  const auto& uris = binding->associated_uris;
  const bool is_known = std::find(uris.begin(), uris.end(), called_uri) != uris.end();
  return "<" + (is_known ? called_uri : ClaimedIdentity(binding->wanted.impu, uris)) + ">";
}

std::string RegistrationClient::NextHopOf(const std::string& token) const {
  const auto binding = PeekToken(token);
  const size_t hop = binding ? binding->hop : 0;
  return hop < context_.hop_list.size() ? context_.hop_list.uri(hop) : std::string();
}

std::optional<Binding> RegistrationClient::Peek(const RegistrationId& id) const {
  const auto found = records_.find(id);
  return found != records_.end() ? std::optional<Binding>(found->second) : bindings_.Get(id);
}

void RegistrationClient::Change(const RegistrationId& id, const std::function<void(Binding&)>& change) {
  if (const auto found = records_.find(id); found != records_.end()) return change(found->second);
  auto binding = bindings_.Get(id);
  if (!binding) return;
  change(*binding);
  bindings_.Put(*binding);
}

RegistrationClient::Record* RegistrationClient::Take(const RegistrationId& id) {
  if (const auto found = records_.find(id); found != records_.end()) return &found->second;
  auto binding = bindings_.Get(id);
  if (!binding) return nullptr;
  Record& record = records_[id];
  static_cast<Binding&>(record) = std::move(*binding);
  record.deadline = std::make_unique<ScopedTimer>(context_.thread);
  return &record;
}

RegistrationClient::Record& RegistrationClient::TakeOrMake(const SipRegistration& registration) {
  auto binding = Peek(registration.id);
  if (!binding) {
    binding.emplace();
    if (const auto& listed = context_.hop_list.listed(); !listed.empty()) binding->hop = listed.front();
    binding->Reset();
  }
  const bool is_other_token = binding->wanted.contact_token != registration.contact_token;
  binding->wanted = registration;
  if (is_other_token) bindings_.Put(*binding);  // found by it from now on
  Record& record = *Take(registration.id);
  record.wanted = registration;
  return record;
}

void RegistrationClient::Forget(RegistrationId id) {
  reg_events_.Drop(id);
  bindings_.Erase(id);
  records_.erase(id);
  context_.on_binding_gone(id);
}

void RegistrationClient::Register(const SipRegistration& registration) {
  if (!IsUsable(registration)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    context_.notify_registrations([id = registration.id](registration::SipRegistrarObserver& observer) {
      observer.OnRegisterFailed(
          id, {.status_code = 400, .phrase = "Unusable identity", .retry_after = {}, .is_final = true});
    });
    return;
  }
  Start(TakeOrMake(registration), Operation::kRegister);
}

void RegistrationClient::Deregister(const RegistrationId& id) {
  if (Record* record = Take(id)) return Start(*record, Operation::kDeregister);
  context_.notify_registrations([id](registration::SipRegistrarObserver& observer) { observer.OnDeregisterDone(id); });
}

void RegistrationClient::Restore(const SipRegistration& registration, const SipRegistered& registered) {
  if (!IsUsable(registration)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return;
  }
  Binding binding;
  binding.Reset();
  binding.wanted = registration;
  binding.is_registered = true;
  binding.service_route = registered.service_route;
  binding.associated_uris = registered.associated_uris;
  // While the list is still being looked up, the binding's P-CSCF is only not listed yet.
  auto hop = context_.hop_list.Find(registered.next_hop);
  if (!hop && context_.config.finds_next_hops && IsSafeUri(registered.next_hop)) {
    hop = context_.hop_list.Add(registered.next_hop);
    context_.on_hops_changed();
  }
  binding.hop = hop.value_or(0);
  // A damaged snapshot, or one of a P-CSCF that is no longer configured, leaves a new Call-ID: the
  // next REGISTER is then an initial one, and the binding itself stays reachable by its token.
  auto snapshot = hop ? ParseBindingSnapshot(registered.snapshot) : std::nullopt;
  if (snapshot) {
    binding.call_id = std::move(snapshot->call_id);
    binding.from_tag = std::move(snapshot->from_tag);
    binding.cseq = snapshot->cseq;
    binding.path = std::move(snapshot->path);
    if (context_.config.uses_gruu && IsSafeUri(snapshot->gruu)) binding.gruu = std::move(snapshot->gruu);
    binding.is_outbound = context_.config.uses_outbound && snapshot->is_outbound;
    binding.digest = std::move(snapshot->digest);
    // An ISIM must not take old challenges for new ones after a restart.
    if (snapshot->sequence_number > 0 && context_.credentials != nullptr) {
      context_.credentials->RestoreSequenceNumber(registration.impi, snapshot->sequence_number);
    }
  }
  if (context_.config.reg_event) reg_events_.SubscribeLater(binding);
  bindings_.Put(binding);
}

void RegistrationClient::Start(Record& record, Operation operation) {
  if (record.operation != Operation::kIdle) {
    record.next_operation = operation;
    return;
  }
  record.operation = operation;
  record.expires = operation == Operation::kDeregister ? seconds(0) : record.wanted.expires;
  record.challenges = 0;
  record.wrong_answers = 0;
  record.invalid_challenges = 0;
  record.has_proved = false;
  record.interval_retries = 0;
  if (context_.hop_list.listed().empty()) return WaitForHops(record);
  if (operation == Operation::kRegister) {
    const size_t preferred = record.is_registered ? record.hop : context_.hop_list.listed().front();
    const size_t chosen = context_.hops.Choose(preferred, SipThread::Clock::now())
                              .value_or(context_.hop_list.is_listed(record.hop) ? record.hop : preferred);
    if (chosen != record.hop) UseHop(record, chosen);
  }
  record.hops_tried = {record.hop};
  // The last nonce may still be good: one round trip less (RFC 7616 section 3.6).
  record.authorization = Reauthorization(record);
  Send(record);
}

std::set<size_t> RegistrationClient::HopsInUse() const {
  std::set<size_t> hops = bindings_.Hops();
  for (const auto& [id, record] : records_) hops.insert(record.hop);
  return hops;
}

std::string RegistrationClient::Reauthorization(Record& record) {
  if (!record.digest || context_.credentials == nullptr) return {};
  const bool is_aka = record.digest->challenge().algorithm == auth::DigestAlgorithm::kAkaV1Md5;
  const auto password =
      is_aka ? std::optional(record.aka_response) : context_.credentials->Password(record.wanted.impi);
  if (!password) return {};
  std::string line;
  AddHeader(line, "Authorization",
            record.digest->Authorize("REGISTER", "sip:" + context_.config.home_domain, record.wanted.impi, *password,
                                     RandomHex(16)));
  return line;
}

std::string RegistrationClient::BuildHeaders(Record& record) {
  const SipConfig& config = context_.config;
  const SipRegistration& wanted = record.wanted;
  const bool is_trusted_node = config.profile == SipProfile::kTrustedNode;
  const bool wants_outbound = config.uses_outbound && !record.lacks_outbound;
  std::string h;
  AddHeader(h, "Route", is_trusted_node ? "" : "<" + context_.hop_list.uri(record.hop) + ";lr>");
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + wanted.impu + ">;tag=" + record.from_tag);
  AddHeader(h, "To", "<" + wanted.impu + ">");
  AddHeader(h, "Call-ID", record.call_id);
  AddHeader(h, "CSeq", std::to_string(++record.cseq) + " REGISTER");
  AddHeader(h, "Contact",
            context_.RegisteredContact(wanted.contact_token) + ";+sip.instance=\"<" + wanted.instance_id +
                ">\";+g.3gpp.icsi-ref=\"" + kMmtelIcsi + "\";audio" +
                (config.believes_verstat ? ";+g.3gpp.verstat" : "") + (wants_outbound ? ";reg-id=1" : ""));
  AddHeader(h, "Expires", std::to_string(record.expires.count()));
  AddHeader(h, "Supported", wants_outbound ? "path, gruu, outbound" : "path, gruu");
  AddHeader(h, "Allow", AllowedMethods(context_.config));
  AddHeader(h, "P-Access-Network-Info", config.access_network_info);
  const std::string uri = "sip:" + config.home_domain;
  if (is_trusted_node) {
    AddHeader(h, "Authorization",
              "Digest username=" + Quote(wanted.impi) + ",realm=" + Quote(context_.realm()) +
                  ",nonce=\"\",uri=" + Quote(uri) + ",response=\"\",integrity-protected=\"auth-done\"");
    AddHeader(h, "Path",
              "<sip:" + wanted.contact_token + "@" + context_.transactions.host_port() + context_.TransportParameter() +
                  ";lr>");
    AddHeader(h, "Require", "path");
    AddHeader(h, "P-Visited-Network-ID", Quote(config.visited_network_id));
    AddHeader(h, "P-Charging-Vector", context_.ChargingVector());
  } else if (!record.authorization.empty()) {
    h += record.authorization;
  } else if (config.profile == SipProfile::kUserEquipment && config.initial_authorization) {
    AddHeader(h, "Authorization",
              "Digest username=" + Quote(wanted.impi) + ",realm=" + Quote(context_.realm()) +
                  ",nonce=\"\",uri=" + Quote(uri) + ",response=\"\"");
  }
  return h;
}

void RegistrationClient::Send(Record& record) {
  RequestText request{.method = "REGISTER",
                      .uri = "sip:" + context_.config.home_domain,
                      .headers = BuildHeaders(record),
                      .body = {},
                      .content_type = {},
                      .route = context_.hop_list.uri(record.hop)};
  context_.counters.Add(SipCounter::kRegisterSent);
  const RegistrationId id = record.wanted.id;
  record.transaction = context_.transactions.Send(
      request, [this, id](int status, const MessageView& response) { HandleResponse(id, status, response); });
  if (record.transaction == nullptr) return Fail(record, 500, MessageView(nullptr), false);
  record.deadline->Set(context_.config.timers.register_deadline, [this, id] {
    context_.counters.Add(SipCounter::kRegisterTimeout);
    HandleResponse(id, 408, MessageView(nullptr));
  });
}

}  // namespace byon::sip
