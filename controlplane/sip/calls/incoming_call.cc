#include "controlplane/sip/calls/incoming_call.h"

#include <algorithm>

#include "controlplane/sip/calls/forwarded_call.h"
#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/sender.h"
#include "controlplane/sip/text/diversion.h"
#include "controlplane/sip/text/session_id.h"

namespace byon::sip {

using call::CallId;
using call::EndReason;
using call::SipSignalingObserver;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Proxies drop an INVITE after three quiet minutes (timer C, RFC 3261 section 13.3.1.1).
constexpr seconds kRingingInterval(60);

}  // namespace

IncomingCall::IncomingCall(ShardContext& context, CallTable& table, uint64_t key)
    : Call(context, table, key),
      next_rseq_(static_cast<uint32_t>(RandomDelay(milliseconds(1), milliseconds(0xffff)).count())),
      prack_timer_(context.thread),
      ringing_timer_(context.thread) {
  ++table_.waiting_invites;
}

IncomingCall::~IncomingCall() { FinishWaiting(); }

void IncomingCall::FinishWaiting() {
  if (is_waiting_) --table_.waiting_invites;
  is_waiting_ = false;
}

Dialog& IncomingCall::dialog() { return *dialogs_.at(remote_tag_); }

void IncomingCall::Start(std::unique_ptr<ServerTransaction> invite, const MessageView& request,
                         const std::string& token, SessionTimerAnswer timer) {
  invite_ = std::move(invite);
  timer_answer_ = std::move(timer);
  invite_->Respond(100);
  remote_tag_ = request.from_tag();
  cseq_ = request.cseq();
  call::IncomingInvite shown{
      .contact_token = token,
      .caller = SenderOf(request, context_.config).value_or(call::Party()),
      .called_uri = {},
      .sdp = request.sdp(),
      .supports_100rel = request.Lists("Supported", "100rel") || request.Lists("Require", "100rel"),
      .supports_precondition = request.Lists("Supported", "precondition") || request.Lists("Require", "precondition")};
  const auto called = ParseNameAddr(request.Header("P-Called-Party-ID").value_or(request.to()));
  if (called && IsSafeUri(called->uri)) shown.called_uri = called->uri;
  asserted_ = table_.registrations().AssertedIdentityOf(token, shown.called_uri);
  shown.is_psap_callback = IsPsapCallback(request);
  shown.diversions = ReadDiversions(request.Headers("History-Info"), request.Headers("Diversion"));
  shown.caller_identity = ReadCaller(request);
  shown.sip_call_id = request.call_id();
  shown.from_tag = request.from_tag();
  shown.session_id = ParseSessionId(request.Header("Session-ID").value_or("")).value_or("");
  constexpr uint64_t kMostForwards = 70;  // RFC 3261 section 8.1.1.6
  shown.max_forwards =
      static_cast<int>(std::min(request.Number("Max-Forwards", 255).value_or(kMostForwards), kMostForwards));
  shown.charging_id = ParseChargingId(request.Header("P-Charging-Vector").value_or(""));
  is_offerless_ = !shown.sdp;
  may_be_reliable_ = shown.supports_100rel;

  DialogState state{.shard = context_.shard,
                    .call_id = request.call_id(),
                    .local_tag = RandomHex(8),
                    .remote_tag = remote_tag_,
                    .local_address = request.to(),
                    .remote_address = request.from(),
                    .local_cseq = 0,
                    .remote_cseq = cseq_,
                    .route_set = request.RouteSet(false),
                    .contact = context_.ContactAddress(token) + ";+g.3gpp.icsi-ref=\"" + kMmtelIcsi + "\";audio",
                    .next_hop = table_.registrations().NextHopOf(token),
                    .impi = table_.registrations().ImpiOfToken(token),
                    .owns_call_id = false,
                    .timer = {},
                    .local_sdp = {},
                    .remote_sdp = shown.sdp.value_or("")};
  invite_->SetTag(state.local_tag);
  AddDialog(std::move(state)).UpdateFrom(request);
  invite_->OnCancel([this](const MessageView& cancel) { HandleCancel(cancel); });
  table_.on_incoming(key_, std::move(shown));
}

void IncomingCall::AssignId(const std::optional<CallId>& id) {
  if (!id) {
    if (state_ == State::kRinging) {
      context_.counters.Add(SipCounter::kRefusedUnknownToken);
      invite_->Respond(480);
    }
    state_ = State::kOver;
    return Retire();
  }
  id_ = id;
  table_.IndexId(*id, key_);
  if (Dialog* own = FindByTag(remote_tag_)) {
    own->state().session_id = SessionUuidOf(*id);
    invite_->SetSessionId(FormatSessionId(own->state().session_id, own->state().remote_session_id));
  }
  if (state_ != State::kCancelled) return;
  Notify([reason = *cancel_reason_](SipSignalingObserver& observer, const CallId& call_id) {
    observer.OnCancelled(call_id, reason);
  });
  Retire();
}

void IncomingCall::HandleCancel(const MessageView& cancel) {
  if (state_ != State::kRinging) return;
  state_ = State::kCancelled;
  prack_timer_.Clear();
  ringing_timer_.Clear();
  FinishWaiting();
  const ReasonFields reason = cancel.reason();
  cancel_reason_ = {.sip_status = reason.sip_cause, .q850_cause = reason.q850_cause, .text = reason.text};
  if (!id_) return;  // AssignId tells
  Notify([reason = *cancel_reason_](SipSignalingObserver& observer, const CallId& id) {
    observer.OnCancelled(id, reason);
  });
  Retire();
}

std::string IncomingCall::ResponseHeaders(const std::string& sdp, const std::string& required) const {
  const Dialog& own = *dialogs_.at(remote_tag_);
  std::string headers;
  AddHeader(headers, "Contact", own.state().contact);
  AddHeader(headers, "Allow", AllowedMethods(context_.config));
  AddHeader(headers, "P-Asserted-Identity", asserted_);
  // Without 100rel nobody could wait for resources.
  AddExtensions(headers, context_.config, sdp, may_be_reliable_ && own.peer_knows_preconditions(), required);
  return headers;
}

void IncomingCall::SendProgress(int status_code, std::optional<std::string> sdp) {
  if (!IsRinging() || accept_sdp_ || status_code <= 100 || status_code >= 200) return;
  if (sdp && (is_sdp_settled_ || (outstanding_ && outstanding_->sdp))) sdp.reset();
  // One that says nothing new would cost the next one a round trip.
  const bool says_nothing = status_code == 183 && !sdp && may_be_reliable_ && last_status_ != 0;
  if (says_nothing) return;
  last_status_ = status_code;
  KeepRinging();
  if (sdp) dialog().state().local_sdp = *sdp;
  if (!may_be_reliable_) {
    // An offer may not go into an unreliable response (RFC 3261 section 13.2.1).
    const std::string body = is_offerless_ ? "" : sdp.value_or("");
    return invite_->Respond(status_code, {}, ResponseHeaders(body), body);
  }
  queue_.push_back({.status = status_code, .sdp = std::move(sdp), .headers = {}});
  SendNextReliable();
}

// One at a time: the next reliable response waits for the PRACK of the one before (RFC 3262 section 3).
void IncomingCall::SendNextReliable() {
  if (outstanding_ || queue_.empty() || state_ != State::kRinging) return;
  outstanding_ = std::move(queue_.front());
  queue_.pop_front();
  outstanding_->rseq = next_rseq_++;
  outstanding_->interval = context_.config.timers.t1;
  outstanding_->headers = ResponseHeaders(outstanding_->sdp.value_or(""), "100rel");
  AddHeader(outstanding_->headers, "RSeq", std::to_string(outstanding_->rseq));
  if (outstanding_->sdp && is_offerless_) is_answer_awaited_ = true;
  RepeatReliable();
}

void IncomingCall::RepeatReliable() {
  if (outstanding_->waited >= 64 * context_.config.timers.t1) {
    context_.counters.Add(SipCounter::kPrackTimeout);
    state_ = State::kOver;
    invite_->Respond(504, "PRACK Timeout");
    Notify([](SipSignalingObserver& observer, const CallId& id) {
      observer.OnCancelled(id, {.sip_status = 504, .q850_cause = 0, .text = "PRACK Timeout"});
    });
    return Retire();
  }
  invite_->Respond(outstanding_->status, {}, outstanding_->headers, outstanding_->sdp.value_or(""));
  prack_timer_.Set(outstanding_->interval, [this] {
    outstanding_->waited += outstanding_->interval;
    outstanding_->interval *= 2;
    RepeatReliable();
  });
}

void IncomingCall::KeepRinging() {
  ringing_timer_.Set(kRingingInterval, [this] {
    if (!IsRinging()) return;
    if (!may_be_reliable_) {
      invite_->Respond(last_status_, {}, ResponseHeaders({}));
    } else if (!outstanding_ && queue_.empty()) {
      queue_.push_back({.status = last_status_, .sdp = {}, .headers = {}});
      SendNextReliable();
    }
    KeepRinging();
  });
}

std::string IncomingCall::RackOf(uint32_t rseq) const {
  return std::to_string(rseq) + " " + std::to_string(cseq_) + " INVITE";
}

void IncomingCall::HandlePrack(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction,
                               const MessageView& request) {
  const std::string rack = request.Header("RAck").value_or("");
  const std::string expected = outstanding_ ? RackOf(outstanding_->rseq) : "";
  if (!outstanding_ || rack != expected) return RefuseNoDialog(context_, *transaction);
  if (!dialog.AcceptSequence(*transaction, request)) return;
  if (RefuseBody(context_, *transaction, request)) return;
  prack_timer_.Clear();
  const bool had_sdp = outstanding_->sdp.has_value();
  outstanding_.reset();
  const auto sdp = request.sdp();
  if (had_sdp) is_sdp_settled_ = true;
  if (sdp && !is_answer_awaited_) {
    // A further offer of the caller (RFC 3262 section 5).
    dialog.HandleOfferInPrack(std::move(transaction), *sdp);
  } else {
    transaction->Respond(200);
    if (sdp) {
      is_answer_awaited_ = false;
      dialog.state().remote_sdp = *sdp;
      OnRemoteAnswer(dialog, *sdp);
    }
  }
  if (is_sdp_settled_ && !is_answer_awaited_) dialog.OpenForOffers();
  SendNextReliable();
  TryAccept();
}

void IncomingCall::Accept(std::string sdp) {
  if (!IsRinging() || accept_sdp_) return;
  accept_sdp_ = std::move(sdp);
  // What has not been sent and says nothing of the media is not worth waiting for.
  std::erase_if(queue_, [](const Provisional& provisional) { return !provisional.sdp; });
  TryAccept();
}

void IncomingCall::TryAccept() {
  if (!accept_sdp_ || state_ != State::kRinging) return;
  // RFC 3262 section 3: no 2xx while a reliable response with SDP is not acknowledged.
  if ((outstanding_ && outstanding_->sdp) || !queue_.empty()) return;
  state_ = State::kAccepted;
  prack_timer_.Clear();
  ringing_timer_.Clear();
  if (outstanding_) late_rack_ = RackOf(outstanding_->rseq);
  outstanding_.reset();
  FinishWaiting();
  const std::string body = is_sdp_settled_ ? "" : *accept_sdp_;
  std::string headers = ResponseHeaders(body, timer_answer_.requires_timer ? "timer" : "");
  if (timer_answer_.header) AddHeader(headers, "Session-Expires", *timer_answer_.header);
  if (!is_sdp_settled_) {
    dialog().state().local_sdp = *accept_sdp_;
    is_answer_awaited_ = is_offerless_;
  }
  accepted_ = std::make_unique<AcceptedInvite>(context_, std::move(invite_), cseq_, headers, body, [this] {
    accepted_.reset();
    state_ = State::kOver;
    const EndReason reason{.sip_status = 408, .q850_cause = 0, .text = "No ACK"};
    dialog().SendBye(reason, [] {});
    OnDialogEnded(dialog(), reason);
  });
}

void IncomingCall::Reject(int status_code, const EndReason& reason) {
  if (!IsRinging() || status_code < 300 || status_code > 699) return;
  state_ = State::kOver;
  std::string headers;
  AddHeader(headers, "Reason", FormatReason({.sip_cause = 0, .q850_cause = reason.q850_cause, .text = reason.text}));
  if (status_code == 488) AddHeader(headers, "Warning", MediaWarning(context_));
  invite_->Respond(status_code, {}, headers);
  Retire();
}

void IncomingCall::Bye(const EndReason& reason) {
  switch (state_) {
    case State::kRinging: return Reject(480, reason);
    case State::kAccepted:
      bye_after_ack_ = reason;  // RFC 3261 section 15: the callee waits for the ACK
      return;
    case State::kConfirmed: return Call::Bye(reason);
    case State::kCancelled:
    case State::kOver: return;
  }
}

void IncomingCall::HandleRequest(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction,
                                 const MessageView& request) {
  if (request.method() == "PRACK" && state_ == State::kRinging) {
    return HandlePrack(dialog, std::move(transaction), request);
  }
  // That of the last response before the 200, which it has crossed (RFC 3262 section 3).
  if (request.method() == "PRACK" && late_rack_ && request.Header("RAck") == late_rack_) {
    if (!dialog.AcceptSequence(*transaction, request)) return;
    late_rack_.reset();
    return transaction->Respond(200);
  }
  if (request.method() == "BYE" && state_ == State::kRinging) {
    // The caller ends its early dialog (RFC 3261 section 15): as good as a CANCEL.
    invite_->Respond(487);
    HandleCancel(request);
    return transaction->Respond(200);
  }
  // That of a dialog which was replaced may cross ours.
  if (request.method() == "BYE" && (confirmed_ == nullptr || &dialog == confirmed_)) {
    accepted_.reset();
    state_ = State::kOver;
  }
  Call::HandleRequest(dialog, std::move(transaction), request);
}

void IncomingCall::HandleAck(Dialog& dialog, const MessageView& ack) {
  if (state_ != State::kAccepted || ack.cseq() != cseq_) return Call::HandleAck(dialog, ack);
  state_ = State::kConfirmed;
  accepted_.reset();
  confirmed_ = &dialog;
  if (is_answer_awaited_) {
    is_answer_awaited_ = false;
    const auto answer = ack.sdp();
    if (answer) {
      dialog.state().remote_sdp = *answer;
      OnRemoteAnswer(dialog, *answer);
    } else {
      const EndReason reason{.sip_status = 488, .q850_cause = 0, .text = "No SDP answer in ACK"};
      dialog.SendBye(reason, [] {});
      state_ = State::kOver;
      return OnDialogEnded(dialog, reason);
    }
  }
  Notify([](SipSignalingObserver& observer, const CallId& id) { observer.OnConfirmed(id); });
  dialog.Confirm(timer_answer_.timer);
  OnDialogChanged(dialog);
  if (bye_after_ack_) Call::Bye(*bye_after_ack_);
}

}  // namespace byon::sip
