#include "controlplane/sip/calls/dialog.h"

#include <algorithm>

#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/text/dtmf_body.h"
#include "controlplane/sip/text/session_id.h"

namespace byon::sip {

using call::EndReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr size_t kMaxDigits = 64;
// Requests of the peer in one call: far more than holding, moving and dialling need, few enough to be no way to flood
// an app.
constexpr double kMaxAtOnce = 64;
constexpr double kPerSecond = 4;
constexpr int kDigitMs = 160;  // as pressed by a hand; networks play it at this length

}  // namespace

Dialog::Dialog(ShardContext& context, Owner& owner, DialogState state)
    : context_(context),
      owner_(owner),
      state_(std::move(state)),
      pace_left_(kMaxAtOnce),
      pace_at_(SipThread::Clock::now()),
      offer_timer_(context.thread),
      answer_timer_(context.thread),
      session_timer_(context.thread),
      min_se_(context.config.min_session_expires) {}

void Dialog::OpenForOffers() {
  may_offer_ = true;
  StartQueuedOffer();
}

void Dialog::Confirm(SessionTimer timer) {
  is_confirmed_ = true;
  may_offer_ = true;
  ApplyTimer(timer);
  StartQueuedOffer();
}

void Dialog::Resume(SessionTimer timer) {
  earlier_cseq_ = state_.local_cseq;
  Confirm(timer);
  if (timer.is_on() && timer.we_refresh) {
    session_timer_.Set(RandomDelay(milliseconds(0), milliseconds(timer.interval) / 8), [this] { Refresh(); });
  }
}

void Dialog::UpdateFrom(const MessageView& message) {
  const std::string target = message.contact_uri();
  if (!target.empty()) state_.remote_target = target;
  LearnSessionId(message);
  if (message.Header("Allow")) state_.peer_allows_update = message.Lists("Allow", "UPDATE");
  if (message.Header("Supported")) state_.peer_supports_timer = message.Lists("Supported", "timer");
  for (const char* header : {"Supported", "Require"}) {
    peer_knows_preconditions_ = peer_knows_preconditions_ || message.Lists(header, "precondition");
  }
}

bool Dialog::is_over_interconnection() const {
  const auto& hops = context_.config.trunk.next_hops;
  return state_.impi.empty() && std::find(hops.begin(), hops.end(), state_.next_hop) != hops.end();
}

void Dialog::LearnSessionId(const MessageView& message) {
  if (auto uuid = ParseSessionId(message.Header("Session-ID").value_or("")))
    state_.remote_session_id = std::move(*uuid);
}

RequestText Dialog::NewRequest(const std::string& method) {
  RequestText request{.method = method,
                      .uri = state_.remote_target,
                      .headers = {},
                      .body = {},
                      .route = context_.WireDestination(state_.route_set, state_.remote_target, state_.next_hop)};
  if (method != "ACK") ++state_.local_cseq;
  std::string& h = request.headers;
  for (const std::string& route : state_.route_set) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", state_.local_address + ";tag=" + state_.local_tag);
  AddHeader(h, "To", state_.remote_address + ";tag=" + state_.remote_tag);
  AddHeader(h, "Call-ID", state_.call_id);
  AddHeader(h, "Session-ID", FormatSessionId(state_.session_id, state_.remote_session_id));
  if (method != "ACK") AddHeader(h, "CSeq", std::to_string(state_.local_cseq) + " " + method);
  if (method == "INVITE" || method == "UPDATE") {
    AddHeader(h, "Contact", state_.contact);
    AddHeader(h, "Allow", AllowedMethods(context_.config));
  }
  if (method != "ACK" && !is_over_interconnection())
    AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  return request;
}

void Dialog::SendAck(uint32_t cseq, const std::string& authorization) {
  RequestText request = NewRequest("ACK");
  AddHeader(request.headers, "CSeq", std::to_string(cseq) + " ACK");
  request.headers += authorization;  // RFC 3261 section 13.2.2.4: the credentials of the INVITE
  context_.transactions.SendAck(request);
}

void Dialog::SendDigits(const std::string& digits) {
  if (is_over_ || digits_.size() + digits.size() > kMaxDigits) return;
  digits_ += digits;
  if (info_transaction_ == nullptr) SendNextDigit();
}

void Dialog::SendNextDigit() {
  if (digits_.empty() || is_over_) return;
  const char digit = digits_.front();
  digits_.erase(0, 1);
  context_.counters.Add(SipCounter::kDigitSent);
  SendDigit(digit, {});
}

// `authorization`: the answer to the challenge that the first attempt met.
void Dialog::SendDigit(char digit, const std::string& authorization) {
  RequestText request = NewRequest("INFO");
  const std::string uri = request.uri;
  request.headers += authorization;
  request.content_type = "application/dtmf-relay";
  request.body = std::string("Signal=") + digit + "\r\nDuration=" + std::to_string(kDigitMs) + "\r\n";
  const bool is_first = authorization.empty();
  info_transaction_ =
      context_.transactions.Send(request, [this, digit, uri, is_first](int status, const MessageView& response) {
        if (status < 200) return;
        info_transaction_.reset();
        if (status < 300) return SendNextDigit();
        if ((status == 401 || status == 407) && is_first && !is_over_) {
          auth::DigestSession session;
          const auto line = AnswerChallenge(context_, response, "INFO", uri, state_.impi, &session);
          if (line) return SendDigit(digit, *line);
        }
        context_.counters.Add(SipCounter::kDigitRefused);
        digits_.clear();
      });
}

// The INFO of before packages (RFC 6086 section 9): digits, and nothing, which asks whether we are alive.
void Dialog::HandleInfo(ServerTransaction& transaction, const MessageView& request) {
  if (request.Header("Info-Package")) return RefuseMethod(context_, transaction, request);
  if (request.body().empty()) return transaction.Respond(200);
  const std::string type = request.content_type();
  const auto digit = ParseDtmfBody(type, request.body());
  if (!digit) {
    context_.counters.Add(SipCounter::kRefusedBadBody);
    std::string headers;
    AddHeader(headers, "Accept", "application/dtmf-relay, application/dtmf");
    return transaction.Respond(IsDtmfType(type) ? 400 : 415, {}, headers);
  }
  context_.counters.Add(SipCounter::kDigitReceived);
  transaction.Respond(200);
  owner_.OnDigit(*this, digit->digit, digit->duration_ms);
}

void Dialog::SendPrack(uint32_t rseq, uint32_t invite_cseq, std::function<void(int)> done) {
  TransmitPrack(std::to_string(rseq) + " " + std::to_string(invite_cseq) + " INVITE", {}, std::move(done));
}

void Dialog::TransmitPrack(const std::string& rack, RequestCredentials credentials, std::function<void(int)> done) {
  RequestText request = NewRequest("PRACK");
  AddHeader(request.headers, "RAck", rack);
  const std::string uri = request.uri;
  request.headers += credentials.Authorize(context_, "PRACK", uri, state_.impi);
  prack_transaction_ =
      context_.transactions.Send(request, [this, rack, uri, credentials = std::move(credentials),
                                           done = std::move(done)](int status, const MessageView& response) mutable {
        if (status < 200) return;
        prack_transaction_.reset();
        const bool is_challenge = status == 401 || status == 407;
        if (is_challenge && !is_over_ && credentials.TakeChallenge(context_, response, "PRACK", uri, state_.impi)) {
          return TransmitPrack(rack, std::move(credentials), std::move(done));
        }
        if (status < 300) ReadEarlyMedia(response);
        done(status);
      });
}

// Nothing is negotiated or timed any more.
void Dialog::Close() {
  is_over_ = true;
  offer_timer_.Clear();
  answer_timer_.Clear();
  session_timer_.Clear();
  offer_transaction_.reset();
  local_offer_.reset();
  queued_offer_.reset();
  queued_location_.reset();
  accepted_.reset();
  RefuseRemote(487);
}

void Dialog::SendBye(const EndReason& reason, std::function<void()> done) {
  FlushReferral();
  Close();
  RequestText request = NewRequest("BYE");
  AddHeader(request.headers, "Reason",
            FormatReason({.sip_cause = reason.sip_status, .q850_cause = reason.q850_cause, .text = reason.text}));
  const std::string uri = request.uri;
  auto on_response = [this, reason, uri, done](int status, const MessageView& response) {
    if (status < 200) return;
    bye_transaction_.reset();
    if ((status == 401 || status == 407) && !is_bye_challenged_) {
      is_bye_challenged_ = true;
      auth::DigestSession session;
      const auto line = AnswerChallenge(context_, response, "BYE", uri, state_.impi, &session);
      if (line) {
        RequestText again = NewRequest("BYE");
        AddHeader(again.headers, "Reason",
                  FormatReason({.sip_cause = reason.sip_status, .q850_cause = reason.q850_cause, .text = reason.text}));
        again.headers += *line;
        bye_transaction_ = context_.transactions.Send(again, [done](int final, const MessageView&) {
          if (final >= 200) done();
        });
        if (bye_transaction_ != nullptr) return;
      }
    }
    done();
  };
  bye_transaction_ = context_.transactions.Send(request, on_response);
  if (bye_transaction_ == nullptr) done();
}

bool Dialog::RefuseFlood(ServerTransaction& transaction) {
  const auto now = SipThread::Clock::now();
  const std::chrono::duration<double> passed = now - std::exchange(pace_at_, now);
  pace_left_ = std::min(kMaxAtOnce, pace_left_ + passed.count() * kPerSecond);
  if (pace_left_ >= 1) {
    pace_left_ -= 1;
    return false;
  }
  context_.counters.Add(SipCounter::kRefusedBusyDialog);
  std::string headers;
  AddHeader(headers, "Retry-After", "5");
  transaction.Respond(500, {}, headers);
  return true;
}

// Until the call is answered.
void Dialog::ReadEarlyMedia(const MessageView& message) {
  auto directions = is_confirmed_ ? std::nullopt : message.Header("P-Early-Media");
  if (directions) owner_.OnEarlyMedia(*this, std::move(*directions));
}

bool Dialog::AcceptSequence(ServerTransaction& transaction, const MessageView& request) {
  if (request.cseq() < state_.remote_cseq) {
    context_.counters.Add(SipCounter::kRefusedOldSequence);
    transaction.Respond(500, "CSeq Out of Order");
    return false;
  }
  state_.remote_cseq = request.cseq();
  return true;
}

void Dialog::HandleRequest(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  if (!AcceptSequence(*transaction, request)) return;
  const std::string method = request.method();
  if (method == "BYE") {
    transaction->Respond(200);
    const ReasonFields reason = request.reason();
    return End({.sip_status = reason.sip_cause, .q850_cause = reason.q850_cause, .text = reason.text});
  }
  if (is_over_) return transaction->Respond(481);
  if (RefuseFlood(*transaction)) return;
  if (method == "INVITE" || method == "UPDATE") {
    return HandleRemoteOffer(std::move(transaction), request);
  }
  if (method == "REFER") return HandleRefer(std::move(transaction), request);
  if (method == "INFO") return HandleInfo(*transaction, request);
  RefuseMethod(context_, *transaction, request);
}

void Dialog::ApplyTimer(SessionTimer timer) {
  state_.timer = timer;
  session_timer_.Clear();
  if (!timer.is_on() || is_over_) return;
  if (timer.we_refresh) {
    session_timer_.Set(timer.RefreshAfter(), [this] { Refresh(); });
  } else {
    session_timer_.Set(timer.ExpireAfter(), [this] { Expire(); });
  }
}

void Dialog::Refresh() {
  const SessionTimer& timer = state_.timer;
  if (local_offer_ || remote_offer_ || accepted_ != nullptr) {
    // An exchange under way may refresh the session by itself; look again soon.
    session_timer_.Set(std::min<milliseconds>(seconds(1), timer.RefreshAfter()), [this] { Refresh(); });
    return;
  }
  session_timer_.Set(timer.ExpireAfter() - timer.RefreshAfter(), [this] { Expire(); });
  const bool by_update = state_.peer_allows_update || state_.local_sdp.empty();
  StartOffer({.sdp = by_update ? std::string() : state_.local_sdp,
              .is_invite = !by_update,
              .is_refresh = true,
              .authorization = {}});
}

void Dialog::Expire() {
  context_.counters.Add(SipCounter::kSessionExpired);
  const EndReason reason{.sip_status = 408, .q850_cause = 0, .text = "Session expired"};
  SendBye(reason, [] {});
  owner_.OnDialogEnded(*this, reason);
}

void Dialog::End(EndReason reason) {
  const bool was_over = is_over_;
  Close();
  if (!was_over) owner_.OnDialogEnded(*this, std::move(reason));
}

}  // namespace byon::sip
