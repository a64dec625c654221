#include <algorithm>

#include "controlplane/sip/calls/call.h"
#include "controlplane/sip/calls/incoming_call.h"
#include "controlplane/sip/calls/outgoing_call.h"
#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/text/replaces.h"
#include "controlplane/sip/text/session_id.h"

namespace byon::sip {

using call::CallId;

namespace {

constexpr const char* kRetryAfterOverloadS = "5";
constexpr uint32_t kCseqLeap = 1000;
constexpr uint32_t kMaxCseq = 0x7fffffff;  // RFC 3261 section 8.1.1.5

std::string DialogKey(const std::string& call_id, const std::string& local_tag, const std::string& remote_tag) {
  return call_id + "\n" + local_tag + "\n" + remote_tag;
}

}  // namespace

CallTable::CallTable(ShardContext& context, RegistrationClient& registrations)
    : context_(context), registrations_(registrations), refers_(context, registrations, [this](const CallId& id) {
        Call* call = FindById(id);
        return call == nullptr ? nullptr : call->confirmed();
      }) {}

CallTable::~CallTable() {
  auto calls = std::move(calls_);  // calls reach for the indexes while they go
  calls_.clear();
}

Call* CallTable::Find(uint64_t key) {
  const auto found = calls_.find(key);
  return found == calls_.end() ? nullptr : found->second.get();
}

Call* CallTable::FindById(const CallId& id) {
  const auto found = keys_by_id_.find(id);
  return found == keys_by_id_.end() ? nullptr : Find(found->second);
}

void CallTable::IndexDialog(const DialogState& state, uint64_t key) {
  dialogs_[DialogKey(state.call_id, state.local_tag, state.remote_tag)] = key;
}

void CallTable::UnindexDialog(const DialogState& state) {
  dialogs_.erase(DialogKey(state.call_id, state.local_tag, state.remote_tag));
}

void CallTable::Retire(uint64_t key) {
  Call* retired = Find(key);
  if (retired == nullptr) return;
  // The id may belong to another by now: the same call, sent again through another P-CSCF.
  const auto named = retired->id() ? keys_by_id_.find(*retired->id()) : keys_by_id_.end();
  if (named != keys_by_id_.end() && named->second == key) {
    keys_by_id_.erase(named);
    on_gone(*retired->id());
  }
  context_.thread.After(std::chrono::milliseconds(0), [this, key] { calls_.erase(key); });
}

void CallTable::Invite(call::OutgoingInvite invite) {
  const uint64_t key = next_key_++;
  auto created = std::make_unique<OutgoingCall>(context_, *this, key);
  OutgoingCall* outgoing = created.get();
  calls_[key] = std::move(created);
  outgoing->Start(std::move(invite));
}

void CallTable::Restore(const CallId& id, DialogState state) {
  const uint64_t key = next_key_++;
  calls_[key] = std::make_unique<Call>(context_, *this, key);
  calls_[key]->Restore(id, std::move(state));
}

void CallTable::AssignId(uint64_t key, const std::optional<CallId>& id) {
  if (auto* incoming = dynamic_cast<IncomingCall*>(Find(key))) incoming->AssignId(id);
}

void CallTable::HandleInvite(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  context_.counters.Add(SipCounter::kInviteReceived);
  if (RefuseBody(context_, *transaction, request)) return;
  const auto uri = ParseUri(request.request_uri());
  const std::string token = uri ? uri->user : std::string();
  const SipTrunk& trunk = context_.config.trunk;
  const std::string number = token.substr(0, token.find(';'));
  if (std::find(trunk.numbers.begin(), trunk.numbers.end(), number) != trunk.numbers.end()) {
    context_.counters.Add(SipCounter::kRefusedTrunkNumber);
    return transaction->Respond(trunk.incoming_status);
  }
  if (!registrations_.KnowsToken(token)) {
    context_.counters.Add(SipCounter::kRefusedUnknownToken);
    return transaction->Respond(StatusOfUnknownToken(token));
  }
  transaction->SetAccessNetworkInfo(context_.config.access_network_info);
  if (request.Header("Replaces")) return HandleReplaces(token, std::move(transaction), request);
  // A flood must not keep an emergency service from calling back; nor may one in its name fill the memory.
  const size_t room = context_.config.max_incoming_invites;
  if (waiting_invites >= (IsPsapCallback(request) ? room + room / 8 + 1 : room)) {
    context_.counters.Add(SipCounter::kRefusedOverload);
    std::string headers;
    AddHeader(headers, "Retry-After", kRetryAfterOverloadS);
    return transaction->Respond(503, {}, headers);
  }
  const SessionTimerAnswer timer = AnswerSessionTimer(request.session_timer_request(), context_.config.session_expires,
                                                      context_.config.min_session_expires);
  if (timer.is_too_small) return RefuseSmallInterval(context_, *transaction);
  const uint64_t key = next_key_++;
  auto created = std::make_unique<IncomingCall>(context_, *this, key);
  IncomingCall* incoming = created.get();
  calls_[key] = std::move(created);
  incoming->Start(std::move(transaction), request, token, timer);
}

// RFC 3891 section 3.
void CallTable::HandleReplaces(const std::string& token, std::unique_ptr<ServerTransaction> transaction,
                               const MessageView& request) {
  const auto values = request.Headers("Replaces");
  const auto replaces = values.size() == 1 ? ParseReplaces(values.front()) : std::nullopt;
  const auto refuse = [&](int status) {
    context_.counters.Add(SipCounter::kRefusedReplaces);
    transaction->Respond(status);
  };
  if (!replaces) return refuse(400);
  Call* call = nullptr;
  Dialog* dialog = FindDialog(replaces->call_id, replaces->local_tag, replaces->remote_tag, &call);
  // Only what belongs to the user who is called.
  const bool is_theirs = dialog != nullptr && dialog->state().impi == registrations_.ImpiOfToken(token);
  if (!is_theirs) return refuse(481);
  if (dialog->is_over()) return refuse(603);
  if (!dialog->is_confirmed() && !call->MayReplaceEarly()) return refuse(481);
  if (dialog->is_confirmed() && replaces->is_early_only) return refuse(486);
  call->HandleReplacement(*dialog, token, std::move(transaction), request);
}

Dialog* CallTable::FindDialog(const std::string& call_id, const std::string& local_tag, const std::string& remote_tag,
                              Call** call) {
  const auto found = dialogs_.find(DialogKey(call_id, local_tag, remote_tag));
  if (found == dialogs_.end()) return nullptr;
  *call = Find(found->second);
  return *call == nullptr ? nullptr : (*call)->FindByTag(remote_tag);
}

bool CallTable::HandleInDialog(std::unique_ptr<ServerTransaction>& transaction, const MessageView& request) {
  Call* call = nullptr;
  Dialog* dialog = FindDialog(request.call_id(), request.to_tag(), request.from_tag(), &call);
  if (request.method() == "NOTIFY" && refers_.Knows(request)) {
    if (dialog == nullptr || dialog->AcceptSequence(*transaction, request)) refers_.HandleNotify(*transaction, request);
    return true;
  }
  if (dialog == nullptr) return false;
  dialog->LearnSessionId(request);
  transaction->SetSessionId(FormatSessionId(dialog->state().session_id, dialog->state().remote_session_id));
  if (!dialog->is_over_interconnection()) transaction->SetAccessNetworkInfo(context_.config.access_network_info);
  call->HandleRequest(*dialog, std::move(transaction), request);
  return true;
}

void CallTable::HandleAck(const MessageView& ack) {
  Call* call = nullptr;
  Dialog* dialog = FindDialog(ack.call_id(), ack.to_tag(), ack.from_tag(), &call);
  if (dialog == nullptr) return context_.counters.Add(SipCounter::kDroppedUnmatchedAck);
  call->HandleAck(*dialog, ack);
}

bool CallTable::HandleStrayAnswer(const MessageView& response) {
  const auto invite = invites_.find(response.call_id());
  Call* call = invite == invites_.end() ? nullptr : Find(invite->second);
  if (call != nullptr) return call->HandleStrayAnswer(response);
  // A re-INVITE of a call that began with the peer's INVITE, or that was restored.
  const auto dialog = dialogs_.find(DialogKey(response.call_id(), response.from_tag(), response.to_tag()));
  call = dialog == dialogs_.end() ? nullptr : Find(dialog->second);
  return call != nullptr && call->HandleStrayAnswer(response);
}

void CallTable::EndStrayAnswer(const MessageView& response) {
  context_.counters.Add(SipCounter::kStrayAnswerEnded);
  const std::string target = response.contact_uri();
  if (!IsSafeUri(target) || response.to_tag().empty() || context_.hop_list.size() == 0) return;
  const std::vector<std::string> routes = response.RouteSet(true);
  const auto request = [&](const std::string& method, uint32_t cseq) {
    RequestText text{.method = method,
                     .uri = target,
                     .headers = {},
                     .body = {},
                     .route = context_.WireDestination(routes, target, context_.hop_list.uri(0))};
    std::string& h = text.headers;
    for (const std::string& route : routes) AddHeader(h, "Route", route);
    AddHeader(h, "Max-Forwards", "70");
    AddHeader(h, "From", response.from() + ";tag=" + response.from_tag());
    AddHeader(h, "To", response.to() + ";tag=" + response.to_tag());
    AddHeader(h, "Call-ID", response.call_id());
    AddHeader(h, "CSeq", std::to_string(cseq) + " " + method);
    return text;
  };
  context_.transactions.SendAck(request("ACK", response.cseq()));
  // Nobody knows how many requests the early dialog had.
  const uint32_t cseq = std::min(response.cseq(), kMaxCseq - kCseqLeap) + kCseqLeap;
  RequestText bye = request("BYE", cseq);
  AddHeader(bye.headers, "Reason", FormatReason({.sip_cause = 487, .q850_cause = 0, .text = "Nobody waits for it"}));
  const auto sent = context_.transactions.Send(bye, {});
}

}  // namespace byon::sip
