// Offer and answer within a dialog: our re-INVITE and UPDATE, and the peer's.
#include <algorithm>

#include "controlplane/sip/calls/dialog.h"
#include "controlplane/sip/request_policy.h"

namespace byon::sip {

using call::EndReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kMaxOfferRetries = 4;
constexpr uint64_t kMaxRetryAfterS = 10;  // RFC 3261 section 14.2, RFC 3311 section 5.2

}  // namespace

// ---- ours

void Dialog::SendOffer(std::string sdp) {
  if (is_over_) return;
  queued_offer_ = std::move(sdp);
  is_queue_stale_ = false;
  StartQueuedOffer();
}

// TS 24.229 section 5.1.3.1: an UPDATE without an offer, which refreshes the session as every UPDATE does.
void Dialog::SendLocation(std::string document) {
  if (is_over_) return;
  queued_location_ = std::move(document);
  StartQueuedOffer();
}

void Dialog::StartQueuedOffer() {
  if (queued_location_ && !local_offer_ && !is_over_) {
    LocalOffer update{.is_refresh = true, .authorization = {}};
    update.location = std::move(*queued_location_);
    queued_location_.reset();
    if (state_.peer_allows_update) return StartOffer(std::move(update));
    owner_.OnLocationAnswered(*this, 405);
  }
  const bool is_busy = local_offer_ || remote_offer_ || accepted_ != nullptr;
  if (!queued_offer_ || is_busy || !may_offer_ || is_over_) return;
  std::string sdp = std::move(*queued_offer_);
  queued_offer_.reset();
  if (std::exchange(is_queue_stale_, false)) return owner_.OnOfferStale(*this);
  if (!is_confirmed_ && !state_.peer_allows_update) return owner_.OnOfferFailed(*this, 405);
  StartOffer({.sdp = std::move(sdp), .is_invite = is_confirmed_, .authorization = {}});
}

void Dialog::StartOffer(LocalOffer offer) {
  local_offer_ = std::move(offer);
  TransmitOffer();
}

void Dialog::TransmitOffer() {
  LocalOffer& offer = *local_offer_;
  if (offer.is_refresh && offer.is_invite) offer.sdp = state_.local_sdp;  // as it is now
  RequestText request = NewRequest(offer.is_invite ? "INVITE" : "UPDATE");
  offer.cseq = state_.local_cseq;
  request.body = offer.sdp;
  if (!offer.location.empty()) {
    const std::string id = state_.call_id + "@" + context_.config.home_domain;
    AddHeader(request.headers, "Geolocation", "<cid:" + id + ">");  // RFC 6442
    AddHeader(request.headers, "Geolocation-Routing", "yes");
    AddHeader(request.headers, "Content-ID", "<" + id + ">");
    request.content_type = "application/pidf+xml";
    request.body = offer.location;
  }
  AddExtensions(request.headers, context_.config, offer.sdp, peer_knows_preconditions_);
  if (is_confirmed_ && state_.timer.is_on()) {
    // Keep the roles as they are: named as seen from this request (RFC 4028 section 7.4).
    AddHeader(request.headers, "Session-Expires",
              std::to_string(std::max(state_.timer.interval, min_se_).count()) +
                  (state_.timer.we_refresh ? ";refresher=uac" : ";refresher=uas"));
    AddHeader(request.headers, "Min-SE", std::to_string(min_se_.count()));
  }
  offer.authorization = offer.credentials.Authorize(context_, request.method, state_.remote_target, state_.impi);
  request.headers += offer.authorization;
  last_offer_rseq_.reset();
  offer_transaction_ =
      context_.transactions.Send(request, [this, cseq = offer.cseq](int status, const MessageView& response) {
        if (local_offer_ && local_offer_->cseq == cseq) {
          HandleOfferResponse(status, response);
        } else if (status >= 200 && status < 300) {
          HandleRepeatedAnswer(response);
        }
      });
  if (offer_transaction_ == nullptr) {
    const LocalOffer failed = *local_offer_;
    local_offer_.reset();
    return FailOffer(failed, 500);
  }
  owner_.OnDialogChanged(*this);  // the CSeq has moved
}

void Dialog::HandleRepeatedAnswer(const MessageView& response) {
  if (acknowledged_cseq_ && response.cseq() == *acknowledged_cseq_) return SendAck(*acknowledged_cseq_);
  if (response.cseq() > earlier_cseq_) return;
  // Without an ACK the peer would end the call (RFC 3261 section 13.3.1.4). Nobody knows any more what was offered.
  SendAck(response.cseq());
  if (!is_over_ && !std::exchange(has_settled_earlier_, true)) owner_.OnOfferStale(*this);
}

void Dialog::HandleOfferResponse(int status, const MessageView& response) {
  if (status < 200) {
    const auto rseq = response.Number("RSeq", UINT32_MAX);
    const bool is_next = rseq && (!last_offer_rseq_ || *rseq == *last_offer_rseq_ + 1);
    if (is_next && response.Lists("Require", "100rel")) {
      last_offer_rseq_ = static_cast<uint32_t>(*rseq);
      SendPrack(*last_offer_rseq_, response.cseq(), [](int) {});
    }
    return;
  }
  const LocalOffer offer = std::move(*local_offer_);
  local_offer_.reset();
  if (status < 300) ReadEarlyMedia(response);
  if (status < 300) return HandleOfferAccepted(offer, response);
  offer_transaction_.reset();
  local_offer_ = offer;
  if (RetryOffer(status, response)) return;
  local_offer_.reset();
  if (status == 481 || status == 408) {
    // RFC 3261 section 12.2.1.2: the dialog is dead.
    const EndReason reason{.sip_status = status, .q850_cause = 0, .text = response.phrase()};
    if (status == 481) return End(reason);
    SendBye(reason, [] {});
    return owner_.OnDialogEnded(*this, reason);
  }
  FailOffer(offer, status);
}

void Dialog::HandleOfferAccepted(const LocalOffer& offer, const MessageView& response) {
  UpdateFrom(response);
  if (offer.is_invite) {
    acknowledged_cseq_ = offer.cseq;
    acknowledged_invite_ = std::move(offer_transaction_);
    SendAck(offer.cseq, offer.authorization);
  } else {
    offer_transaction_.reset();
  }
  const auto answer = response.sdp();
  if (answer) {
    state_.local_sdp = offer.sdp;
    state_.remote_sdp = *answer;
  }
  if (is_confirmed_ && (state_.timer.is_on() || response.session_expires())) {
    ApplyTimer(TimerFromResponse(response.session_expires()));
  }
  owner_.OnDialogChanged(*this);
  if (!offer.location.empty()) owner_.OnLocationAnswered(*this, 200);
  if (!offer.is_refresh) {
    if (answer) {
      owner_.OnRemoteAnswer(*this, *answer);
    } else {
      owner_.OnOfferFailed(*this, 488);
    }
  }
  StartQueuedOffer();
}

bool Dialog::RetryOffer(int status, const MessageView& response) {
  LocalOffer& offer = *local_offer_;
  if (status == 401 || status == 407) {
    const std::string method = offer.is_invite ? "INVITE" : "UPDATE";
    if (!offer.credentials.TakeChallenge(context_, response, method, state_.remote_target, state_.impi)) return false;
    TransmitOffer();
    return true;
  }
  if (offer.glare_retries >= kMaxOfferRetries) return false;
  const auto min_se = response.Number("Min-SE", 86400);
  if (status == 422 && min_se && seconds(*min_se) > min_se_) {
    min_se_ = seconds(*min_se);
    ++offer.glare_retries;
    TransmitOffer();
    return true;
  }
  const bool is_update_unknown = offer.is_refresh && offer.location.empty() && !offer.is_invite &&
                                 (status == 405 || status == 501) && !state_.local_sdp.empty();
  if (is_update_unknown) {
    state_.peer_allows_update = false;
    offer.is_invite = true;
    offer.sdp = state_.local_sdp;
    TransmitOffer();
    return true;
  }
  const auto retry_after = response.Number("Retry-After", kMaxRetryAfterS);
  if (status != 491 && !(status == 500 && retry_after)) return false;
  ++offer.glare_retries;
  context_.counters.Add(SipCounter::kOfferGlareRetry);
  milliseconds delay = retry_after.has_value() ? milliseconds(seconds(*retry_after)) : milliseconds(0);
  if (status == 491) {
    // RFC 3261 section 14.1: the owner of the Call-ID waits longer.
    delay = state_.owns_call_id ? RandomDelay(milliseconds(2100), milliseconds(4000))
                                : RandomDelay(milliseconds(0), milliseconds(2000));
  }
  offer_timer_.Set(delay, [this] {
    if (!local_offer_) return;
    const bool is_free = !remote_offer_ && accepted_ == nullptr;
    if (is_free && (local_offer_->is_refresh || !local_offer_->is_stale)) return TransmitOffer();
    // The peer came first: what we want is said after its exchange, and as things are then.
    if (!local_offer_->is_refresh && !queued_offer_) {
      queued_offer_ = local_offer_->sdp;
      is_queue_stale_ = true;
    }
    local_offer_.reset();
    StartQueuedOffer();
  });
  return true;
}

void Dialog::FailOffer(const LocalOffer& offer, int status) {
  if (!offer.is_refresh) owner_.OnOfferFailed(*this, status);
  if (!offer.location.empty()) owner_.OnLocationAnswered(*this, status);
  StartQueuedOffer();
}

// ---- the peer's

bool Dialog::RefuseGlare(ServerTransaction& transaction, const MessageView& request) {
  const bool is_invite = request.method() == "INVITE";
  if (!is_invite && !request.sdp()) return false;  // an UPDATE that only refreshes the session
  // A 491 of the peer put ours off: it is not outstanding while it waits.
  const bool is_ours_outstanding = local_offer_ && !offer_timer_.is_set() && (is_invite || !local_offer_->sdp.empty());
  const bool is_early = is_invite ? !is_confirmed_ : !may_offer_;
  const bool is_theirs_outstanding = remote_offer_ || accepted_ != nullptr;
  if (!is_ours_outstanding && !is_early && !is_theirs_outstanding) return false;
  context_.counters.Add(SipCounter::kRefusedGlare);
  if (is_ours_outstanding || (is_early && state_.owns_call_id && !is_theirs_outstanding)) {
    transaction.Respond(491);
  } else {
    std::string headers;
    AddHeader(headers, "Retry-After",
              std::to_string(RandomDelay(milliseconds(0), milliseconds(kMaxRetryAfterS)).count()));
    transaction.Respond(500, {}, headers);
  }
  return true;
}

void Dialog::HandleRemoteOffer(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  if (RefuseBody(context_, *transaction, request) || RefuseGlare(*transaction, request)) return;
  SessionTimerAnswer timer;
  if (is_confirmed_) {
    timer = AnswerSessionTimer(request.session_timer_request(), context_.config.session_expires,
                               context_.config.min_session_expires);
  }
  if (timer.is_too_small) return RefuseSmallInterval(context_, *transaction);
  UpdateFrom(request);
  ReadEarlyMedia(request);
  const auto sdp = request.sdp();
  const bool is_invite = request.method() == "INVITE";
  if (is_invite) transaction->Respond(100);
  remote_offer_.emplace(RemoteOffer{.transaction = std::move(transaction),
                                    .method = request.method(),
                                    .cseq = request.cseq(),
                                    .is_offerless = is_invite && !sdp,
                                    .sdp = sdp,
                                    .timer = timer});
  if (!sdp && !is_invite) return AcceptRemote({});
  // A refresh by re-INVITE repeats the session as it is (RFC 4028 section 7.4): so do we.
  const bool is_unchanged = sdp && *sdp == state_.remote_sdp && !state_.local_sdp.empty();
  if (is_unchanged) return AcceptRemote(state_.local_sdp);
  if (is_invite) {
    remote_offer_->transaction->OnCancel([this](const MessageView&) {
      answer_timer_.Clear();
      remote_offer_.reset();
      StartQueuedOffer();
    });
  }
  AwaitAnswer();
  owner_.OnRemoteOffer(*this, sdp);
}

void Dialog::HandleOfferInPrack(std::unique_ptr<ServerTransaction> transaction, std::string sdp) {
  if (remote_offer_ || local_offer_) {
    context_.counters.Add(SipCounter::kRefusedGlare);
    return transaction->Respond(local_offer_ ? 491 : 500);
  }
  remote_offer_.emplace(RemoteOffer{.transaction = std::move(transaction),
                                    .method = "PRACK",
                                    .cseq = state_.remote_cseq,
                                    .is_offerless = false,
                                    .sdp = sdp,
                                    .timer = {}});
  AwaitAnswer();
  owner_.OnRemoteOffer(*this, std::move(sdp));
}

void Dialog::AwaitAnswer() {
  answer_timer_.Set(context_.config.timers.answer_deadline, [this] {
    context_.counters.Add(SipCounter::kAnswerTimeout);
    RefuseRemote(500);
    StartQueuedOffer();
  });
}

void Dialog::SendAnswer(std::optional<std::string> sdp) {
  if (!remote_offer_) {
    // Taken back by a CANCEL, or too late: what was said is not agreed. An offer of ours says how things are.
    if (sdp && !is_over_) owner_.OnOfferStale(*this);
    return;
  }
  answer_timer_.Clear();
  if (sdp) {
    AcceptRemote(*sdp);
  } else {
    RefuseRemote(488);
  }
  StartQueuedOffer();
}

std::string Dialog::AnswerHeaders(const SessionTimerAnswer& timer, const std::string& sdp) const {
  std::string headers;
  AddHeader(headers, "Contact", state_.contact);
  AddHeader(headers, "Allow", AllowedMethods(context_.config));
  AddExtensions(headers, context_.config, sdp, peer_knows_preconditions_, timer.requires_timer ? "timer" : "");
  if (timer.header) AddHeader(headers, "Session-Expires", *timer.header);
  return headers;
}

void Dialog::AcceptRemote(const std::string& body) {
  RemoteOffer offer = std::move(*remote_offer_);
  remote_offer_.reset();
  if (!body.empty()) {
    const bool is_change = body != state_.local_sdp;  // and no refresh
    if (is_change) is_queue_stale_ = queued_offer_.has_value();
    if (is_change && local_offer_) local_offer_->is_stale = true;
    state_.local_sdp = body;
    state_.remote_sdp = offer.sdp.value_or(state_.remote_sdp);
  }
  const std::string headers = AnswerHeaders(offer.timer, body);
  if (offer.method == "INVITE") {
    is_answer_in_ack_ = offer.is_offerless;
    accepted_ =
        std::make_unique<AcceptedInvite>(context_, std::move(offer.transaction), offer.cseq, headers, body, [this] {
          accepted_.reset();
          const EndReason reason{.sip_status = 408, .q850_cause = 0, .text = "No ACK"};
          SendBye(reason, [] {});
          owner_.OnDialogEnded(*this, reason);
        });
  } else {
    offer.transaction->Respond(200, "OK", headers, body);
  }
  const bool is_timer_known = offer.timer.header || state_.timer.is_on();
  if (is_confirmed_ && offer.method != "PRACK" && is_timer_known) ApplyTimer(offer.timer.timer);
  owner_.OnDialogChanged(*this);
}

void Dialog::RefuseRemote(int status) {
  if (!remote_offer_) return;
  RemoteOffer offer = std::move(*remote_offer_);
  remote_offer_.reset();
  std::string headers;
  if (status == 488) AddHeader(headers, "Warning", MediaWarning(context_));
  offer.transaction->Respond(status, {}, headers);
}

void Dialog::HandleAck(const MessageView& ack) {
  if (accepted_ == nullptr || ack.cseq() != accepted_->cseq()) return;
  accepted_.reset();
  if (is_answer_in_ack_) {
    is_answer_in_ack_ = false;
    const auto answer = ack.sdp();
    if (answer) {
      state_.remote_sdp = *answer;
      owner_.OnRemoteAnswer(*this, *answer);
    } else {
      owner_.OnOfferFailed(*this, 488);
    }
  }
  owner_.OnDialogChanged(*this);
  StartQueuedOffer();
}

}  // namespace byon::sip
