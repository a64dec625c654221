#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/request_policy.h"

#include <algorithm>
#include <utility>

namespace byon::sip {

using registration::RegistrationId;
using registration::SipDeregistered;
using registration::SipRegistered;
using registration::SipRegisterFailure;
using registration::SipRegistration;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kMaxChallenges = 4;  // stale nonces included
constexpr int kMaxWrongAnswers = 2;
constexpr int kMaxInvalidChallenges = 2;  // TS 24.229 section 5.1.1.5.3
constexpr int kMaxIntervalRetries = 2;
constexpr uint64_t kMaxExpiresS = 0xffffffff;
constexpr uint64_t kMaxMinExpiresS = 30 * 86400;  // the usual 600,000 s are nearly a week
constexpr uint64_t kMaxRetryAfterS = 86400;
// So many are at work at the same time when those of a P-CSCF register again: a network that answers slowly is not
// overrun.
constexpr size_t kMostRenewing = 2000;
constexpr milliseconds kRenewalTick{20};
constexpr size_t kMostChecksInATick = 10;

// A user part or a header that came from our own rooms but ends up in a message.
bool IsUsable(const SipRegistration& registration) {
  const std::string contact = "sip:" + registration.contact_token + "@x";
  return IsSafeUri(registration.impu) && IsSafeUri(contact) && !registration.contact_token.empty() &&
         IsSafeText(registration.impi) && IsSafeText(registration.instance_id) &&
         registration.instance_id.find_first_of("<>\"") == std::string::npos;
}

std::vector<std::string> Uris(const std::vector<std::string>& values) {
  std::vector<std::string> uris;
  for (const std::string& value : values) {
    const auto address = ParseNameAddr(value);
    if (address && IsSafeText(address->uri)) uris.push_back(address->uri);
  }
  return uris;
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

std::vector<std::string> RegistrationClient::RestorationUris(const RegistrationId& id) const {
  const auto binding = Peek(id);
  if (!binding) return {};
  std::vector<std::string> values = binding->path;
  values.insert(values.end(), binding->service_route.begin(), binding->service_route.end());
  return Uris(values);
}

void RegistrationClient::RequireInitial(const RegistrationId& id) {
  if (!IsAtRest(id)) return;
  Change(id, [](Binding& binding) { binding.Reset(); });
  reg_events_.Drop(id);  // it went down with the node that held it
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

// At the start, when the P-CSCFs are still being looked up: not for longer than they may take to answer.
void RegistrationClient::WaitForHops(Record& record) {
  if (record.operation == Operation::kDeregister && !record.is_registered) return FinishDeregister(record);
  const RegistrationId id = record.wanted.id;
  waiting_for_hops_.insert(id);
  record.deadline->Set(context_.config.timers.register_deadline, [this, id] {
    waiting_for_hops_.erase(id);
    const auto found = records_.find(id);
    if (found != records_.end()) Fail(found->second, 503, MessageView(nullptr), false);
  });
}

void RegistrationClient::HandleHopsChanged() {
  if (context_.hop_list.listed().empty()) return;
  for (const RegistrationId& id : std::exchange(waiting_for_hops_, {})) {
    const auto found = records_.find(id);
    if (found == records_.end() || found->second.operation == Operation::kIdle) continue;
    found->second.deadline->Clear();
    Start(found->second, std::exchange(found->second.operation, Operation::kIdle));
  }
  for (const size_t hop : bindings_.HopsOfRegistered()) {
    if (!context_.hop_list.is_listed(hop)) MoveAwayFrom(hop);
  }
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
    std::string vector = "icid-value=" + Quote(RandomHex(16)) + ";icid-generated-at=" + context_.LocalHost();
    if (!config.originating_ioi.empty()) vector += ";orig-ioi=" + Quote(config.originating_ioi);
    AddHeader(h, "P-Charging-Vector", vector);
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

void RegistrationClient::HandleResponse(const std::string& id, int status, const MessageView& response) {
  const auto found = records_.find(id);
  if (status < 200 || found == records_.end()) return;
  Record& record = found->second;
  record.transaction.reset();
  record.deadline->Clear();
  record.authorization.clear();
  ReportHop(record, response);
  if (status < 300) return HandleAccepted(record, response);
  if (status == 401 || status == 407) return HandleChallenge(record, response);
  if (status == 423) return HandleIntervalTooBrief(record, response);
  if (status == 439) return HandleLacksOutbound(record, response);
  const bool is_passing = status == 408 || status == 430 || (status >= 500 && status < 600);
  if (is_passing) return TryNextHop(record, status, response);
  // Only these say that the network will not have the number; the others may pass before the binding ends (TS 24.229
  // section 5.1.1.4.1 gives it up for none of them).
  const bool is_final = status == 403 || status == 404 || status == 410 || status >= 600;
  Fail(record, status, response, is_final);
}

void RegistrationClient::HandleChallenge(Record& record, const MessageView& response) {
  // Did the answer that this refuses use a nonce that the network had just given? A refreshing
  // REGISTER with an old nonce is no wrong password.
  const auto answer =
      AnswerAnyChallenge(context_, response, "REGISTER", "sip:" + context_.config.home_domain, record.wanted.impi);
  if (!answer) return Fail(record, response.status(), response, true);
  if (record.has_proved && !answer->session.challenge().is_stale) ++record.wrong_answers;
  record.has_proved = answer->is_proof;
  record.invalid_challenges = answer->is_proof ? 0 : record.invalid_challenges + 1;
  record.digest.reset();
  record.aka_response.clear();
  const bool is_hopeless = record.wrong_answers >= kMaxWrongAnswers ||
                           record.invalid_challenges > kMaxInvalidChallenges || ++record.challenges > kMaxChallenges;
  if (is_hopeless) return Fail(record, response.status(), response, true);
  if (answer->is_proof) {
    record.digest = answer->session;
    record.aka_response = answer->aka_response;
  }
  record.authorization = answer->line;
  Send(record);
}

// RFC 5626 section 11.6: once more without.
void RegistrationClient::HandleLacksOutbound(Record& record, const MessageView& response) {
  if (!context_.config.uses_outbound || record.lacks_outbound) return Fail(record, 439, response, true);
  record.lacks_outbound = true;
  record.authorization = Reauthorization(record);
  Send(record);
}

void RegistrationClient::HandleIntervalTooBrief(Record& record, const MessageView& response) {
  const auto minimum = response.Number("Min-Expires", kMaxMinExpiresS);
  const bool is_sensible = minimum && seconds(*minimum) > record.expires && record.operation == Operation::kRegister;
  if (!is_sensible || ++record.interval_retries > kMaxIntervalRetries) {
    return Fail(record, 423, response, true);
  }
  record.expires = seconds(*minimum);
  record.authorization = Reauthorization(record);
  Send(record);
}

void RegistrationClient::HandleAccepted(Record& record, const MessageView& response) {
  const RegistrationId id = record.wanted.id;
  if (record.operation == Operation::kDeregister) return FinishDeregister(record);
  seconds granted(response.Number("Expires", kMaxExpiresS).value_or(static_cast<uint64_t>(record.expires.count())));
  std::string gruu;
  for (const std::string& value : response.Headers("Contact")) {
    const auto contact = ParseNameAddr(value);
    const auto uri = contact ? ParseUri(contact->uri) : std::nullopt;
    if (!uri || uri->user != record.wanted.contact_token) continue;
    const auto expires = contact->Parameter("expires");
    const auto number = expires ? ParseNumber(*expires, kMaxExpiresS) : std::nullopt;
    if (number) granted = seconds(*number);
    gruu = contact->Parameter("pub-gruu").value_or("");
  }
  granted = std::min(granted, record.expires);  // a registrar may only shorten (RFC 3261 section 10.3)
  record.gruu = context_.config.uses_gruu && IsSafeUri(gruu) ? gruu : "";
  // RFC 5626 section 6: the registrar says that it took the flow.
  record.is_outbound = context_.config.uses_outbound && !record.lacks_outbound && response.Lists("Require", "outbound");
  record.path = response.Headers("Path");
  record.service_route = response.Headers("Service-Route");
  record.associated_uris = Uris(response.Headers("P-Associated-URI"));
  record.is_registered = true;
  context_.counters.Add(SipCounter::kRegisterSucceeded);
  SipRegistered registered{.expires = granted,
                           .next_hop = context_.hop_list.uri(record.hop),
                           .service_route = record.service_route,
                           .associated_uris = record.associated_uris,
                           .snapshot = Snapshot(record)};
  context_.notify_registrations(
      [id, registered](registration::SipRegistrarObserver& observer) { observer.OnRegistered(id, registered); });
  if (context_.config.reg_event) reg_events_.Subscribe(id);
  Finish(record);
}

void RegistrationClient::ReportHop(const Record& record, const MessageView& response) {
  const auto now = SipThread::Clock::now();
  // Empty: the deadline, or nobody listens there.
  if (response.is_empty()) return context_.hops.ReportSilence(record.hop, now);
  const auto wait = response.status() == 503 ? response.Number("Retry-After", kMaxRetryAfterS) : std::nullopt;
  if (wait) return context_.hops.ReportRetryAfter(record.hop, seconds(*wait), now);
  context_.hops.ReportAnswer(record.hop);
}

// Through another P-CSCF it is a new initial registration (TS 24.229 section 5.1.1.2); its subscription too.
void RegistrationClient::UseHop(Record& record, size_t hop) {
  context_.counters.Add(SipCounter::kRegisterHopFailover);
  record.hop = hop;
  record.Reset();
  record.service_route.clear();
  record.path.clear();
  record.gruu.clear();
  record.is_outbound = false;
  record.lacks_outbound = false;
  reg_events_.Drop(record.wanted.id);
}

void RegistrationClient::TryNextHop(Record& record, int status, const MessageView& response) {
  const auto next = context_.hops.ChooseOther(record.hops_tried, SipThread::Clock::now());
  if (!next) return Fail(record, status, response, false);
  record.hops_tried.push_back(*next);
  record.challenges = 0;
  UseHop(record, *next);
  Send(record);
}

void RegistrationClient::MoveAwayFrom(size_t hop) {
  RegisterLater({.hop = hop, .is_only_while_unusable = true}, milliseconds(0));
}

void RegistrationClient::RenewThrough(size_t hop, milliseconds earliest) { RegisterLater({.hop = hop}, earliest); }

void RegistrationClient::RegisterLater(RenewalQueue::Reason reason, milliseconds earliest) {
  renewals_.Add(bindings_.RegisteredThrough(reason.hop), reason, SipThread::Clock::now() + earliest,
                context_.config.resubscribe_window);
  // Not now: what broke the connection is on the stack.
  renewal_timer_.Set(milliseconds(0), [this] { RenewThose(); });
}

void RegistrationClient::RenewThose() {
  const size_t room = kMostRenewing - std::min(kMostRenewing, records_.size());
  for (const RenewalQueue::Renewal& renewal : renewals_.Take(SipThread::Clock::now(), room)) Renew(renewal);
  const auto next = renewals_.NextTake();
  if (next == RenewalQueue::Time::max()) return;
  const auto wait = std::chrono::ceil<milliseconds>(next - SipThread::Clock::now());
  renewal_timer_.Set(std::max(wait, kRenewalTick), [this] { RenewThose(); });
}

void RegistrationClient::Renew(const RenewalQueue::Renewal& renewal) {
  const size_t hop = renewal.reason.hop;
  if (renewal.reason.is_only_while_unusable && context_.hops.IsUsable(hop, SipThread::Clock::now())) return;
  for (const RegistrationId& id : bindings_.IdsOf(renewal.ticket)) {
    const auto binding = IsAtRest(id) ? bindings_.Get(id) : std::nullopt;
    const bool is_still_there = binding && binding->is_registered && binding->hop == hop;
    if (is_still_there) Start(*Take(id), Operation::kRegister);
  }
}

void RegistrationClient::Fail(Record& record, int status, const MessageView& response, bool is_final) {
  const RegistrationId id = record.wanted.id;
  record.transaction.reset();
  record.deadline->Clear();
  if (record.operation == Operation::kDeregister) return FinishDeregister(record);
  context_.counters.Add(SipCounter::kRegisterFailed);
  SipRegisterFailure failure{
      .status_code = status, .phrase = response.phrase(), .retry_after = std::nullopt, .is_final = is_final};
  if (response.is_empty() && status == 408) failure.phrase = "No P-CSCF answered";
  if (response.is_empty() && status == 503) failure.phrase = "No P-CSCF can be reached";
  if (response.is_empty() && context_.tls_refusal) {
    if (const std::string reason = context_.tls_refusal(); !reason.empty()) failure.phrase = "TLS: " + reason;
  }
  if (const auto wait = response.Number("Retry-After", kMaxRetryAfterS)) failure.retry_after = seconds(*wait);
  // Whoever tries again begins anew: of a registration that never was, nothing stays behind.
  const bool is_over = (is_final || !record.is_registered) && record.next_operation == Operation::kIdle;
  if (is_over) Forget(id);
  context_.notify_registrations(
      [id, failure](registration::SipRegistrarObserver& observer) { observer.OnRegisterFailed(id, failure); });
  if (!is_over) Finish(record);
}

void RegistrationClient::FinishDeregister(Record& record) {
  const RegistrationId id = record.wanted.id;
  const bool is_over = record.next_operation != Operation::kRegister;
  // Forgotten before the observer hears of it: what it does with this id next is a new binding.
  if (is_over) Forget(id);
  context_.notify_registrations([id](registration::SipRegistrarObserver& observer) { observer.OnDeregisterDone(id); });
  if (is_over) return;
  record.is_registered = false;
  reg_events_.Drop(record.wanted.id);
  record.Reset();
  Finish(record);
}

void RegistrationClient::Finish(Record& record) {
  record.operation = Operation::kIdle;
  const Operation next = record.next_operation;
  record.next_operation = Operation::kIdle;
  if (next != Operation::kIdle) return Start(record, next);
  bindings_.Put(record);
  records_.erase(RegistrationId(record.wanted.id));
}

std::string RegistrationClient::Snapshot(const Binding& binding) const {
  return SnapshotOf(binding, context_.shard,
                    context_.credentials == nullptr ? 0 : context_.credentials->SequenceNumber(binding.wanted.impi));
}

void RegistrationClient::OnContactDoubtful(const RegistrationId& id) {
  bool is_new = false;
  Change(id, [&](Binding& binding) {
    is_new = binding.is_registered && !binding.is_in_doubt && !binding.was_checked;
    binding.is_in_doubt = binding.is_in_doubt || is_new;
  });
  if (!is_new) return;
  doubtful_.emplace_back(SipThread::Clock::now() + context_.config.timers.reg_event_doubt, BindingTable::TicketOf(id));
  if (!doubt_timer_.is_set()) doubt_timer_.Set(context_.config.timers.reg_event_doubt, [this] { CheckDoubtful(); });
}

// A REGISTER tells, and binds anew what was lost; what the network wants to be rid of it refuses.
void RegistrationClient::CheckDoubtful() {
  const auto now = SipThread::Clock::now();
  for (size_t room = kMostChecksInATick;
       room > 0 && records_.size() < kMostRenewing && !doubtful_.empty() && doubtful_.front().first <= now; --room) {
    const BindingTable::Ticket ticket = doubtful_.front().second;
    doubtful_.pop_front();
    for (const RegistrationId& id : bindings_.IdsOf(ticket)) {
      const auto binding = Peek(id);
      if (!binding || !binding->is_in_doubt) continue;
      Change(id, [](Binding& checked) {
        checked.is_in_doubt = false;
        checked.was_checked = true;
      });
      if (!binding->is_registered || !IsAtRest(id)) continue;  // one is under way
      context_.counters.Add(SipCounter::kRegEventDoubt);
      Start(*Take(id), Operation::kRegister);
    }
  }
  if (doubtful_.empty()) return;
  const auto wait = std::chrono::ceil<milliseconds>(doubtful_.front().first - now);
  doubt_timer_.Set(std::max(wait, kRenewalTick), [this] { CheckDoubtful(); });
}

void RegistrationClient::OnContactTerminated(const RegistrationId& id, SipDeregistered deregistered) {
  const auto record = records_.find(id);
  // Our own removal is in the network's documents too.
  if (record != records_.end() && record->second.operation == Operation::kDeregister) return;
  if (!Peek(id)) return;
  context_.counters.Add(SipCounter::kNetworkDeregistered);
  context_.notify_registrations([id, deregistered](registration::SipRegistrarObserver& observer) {
    observer.OnNetworkDeregistered(id, deregistered);
  });
  if (deregistered.event == SipDeregistered::Event::kShortened) return;
  Change(id, [](Binding& binding) {
    binding.is_registered = false;
    binding.Reset();  // what comes next is an initial registration
  });
  // Not now: the subscription is on the stack.
  context_.thread.After(milliseconds(0), [this, id = RegistrationId(id)] {
    const auto binding = Peek(id);
    if (binding && IsAtRest(id) && !binding->is_registered) Forget(id);
  });
}

}  // namespace byon::sip
