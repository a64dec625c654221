// What the network answers to a REGISTER, and what comes of it.
#include <algorithm>
#include <utility>

#include "controlplane/sip/registrations/registration_client.h"

namespace byon::sip {

using registration::RegistrationId;
using registration::SipRegistered;
using registration::SipRegisterFailure;
using std::chrono::seconds;

namespace {

constexpr int kMaxChallenges = 4;  // stale nonces included
constexpr int kMaxWrongAnswers = 2;
constexpr int kMaxInvalidChallenges = 2;  // TS 24.229 section 5.1.1.5.3
constexpr int kMaxIntervalRetries = 2;
constexpr uint64_t kMaxExpiresS = 0xffffffff;
constexpr uint64_t kMaxMinExpiresS = 30 * 86400;  // the usual 600,000 s are nearly a week
constexpr uint64_t kMaxRetryAfterS = 86400;

std::vector<std::string> Uris(const std::vector<std::string>& values) {
  std::vector<std::string> uris;
  for (const std::string& value : values) {
    const auto address = ParseNameAddr(value);
    if (address && IsSafeText(address->uri)) uris.push_back(address->uri);
  }
  return uris;
}

}  // namespace

std::vector<std::string> RegistrationClient::RestorationUris(const RegistrationId& id) const {
  const auto binding = Peek(id);
  if (!binding) return {};
  std::vector<std::string> values = binding->path;
  values.insert(values.end(), binding->service_route.begin(), binding->service_route.end());
  return Uris(values);
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

}  // namespace byon::sip
