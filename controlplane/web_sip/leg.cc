#include "controlplane/web_sip/leg.h"

#include <algorithm>

#include "controlplane/sdp/media_attributes.h"
#include "controlplane/web_sip/dtmf_relay.h"

namespace byon::web_sip {
namespace {

using call::Status;

// "SIP 486 Busy Here" is how the call logic names what the network said.
int CodeInReason(const std::string& reason) {
  if (!reason.starts_with("SIP ") || reason.size() < 7) return 0;
  return static_cast<int>(sip::ParseNumber(reason.substr(4, 3), 699).value_or(0));
}

// Answers of the network that a client may see as they are; the others are our own affair.
bool IsForClients(int code) {
  switch (code) {
    case 404:
    case 408:
    case 410:
    case 480:
    case 484:
    case 486:
    case 487:
    case 488:
    case 500:
    case 503:
    case 504:
    case 600:
    case 603:
    case 604: return true;
    default: return false;
  }
}

// The client wants to hear nothing: sendonly or inactive.
bool HoldsMedia(const std::string& offer) {
  const auto session = sdp::ParseSessionDescription(offer);
  if (!session) return false;
  for (const sdp::MediaSection& media : session->media) {
    if (media.media != "audio" || media.port == 0) continue;
    return !sdp::MayReceive(sdp::ReadDirection(*session, media));
  }
  return false;
}

int CodeOfStatus(Status status) {
  switch (status) {
    case Status::kBusy: return 486;
    case Status::kDeclined: return 603;
    case Status::kNotReachable:
    case Status::kNoAnswer: return 480;
    case Status::kSessionCancelled:
    case Status::kTerminated: return 487;
    default: return 500;
  }
}

}  // namespace

int StatusCodeOf(const gateway::MediaSession& session) {
  const int code = CodeInReason(session.reason);
  return IsForClients(code) ? code : CodeOfStatus(session.status);
}

int StatusCodeOf(const gateway::Error& error) {
  using gateway::ErrorCode;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange: return 488;
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kInvalidTokenContext:
    case ErrorCode::kMaxRegistrationsPerUser:
    case ErrorCode::kMaxRegistrationsPerMsisdn:
    case ErrorCode::kMaxDevicesPerUser: return 403;
    case ErrorCode::kServiceNotApplicable:
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kIncompatibleState: return 491;
    case ErrorCode::kQuotaExceeded: return 486;
    case ErrorCode::kTooManyRequests:
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kEmergencyNotSupported: return 380;
    case ErrorCode::kTimeout: return 504;
    default: return 500;
  }
}

std::string ReasonOf(const gateway::MediaSession& session) {
  sip::ReasonFields reason;
  reason.text = session.reason;
  const bool is_elsewhere = session.reason == "Call completed elsewhere";
  if (is_elsewhere) {
    reason.sip_cause = 200;  // RFC 3326 section 2: no missed call
  } else if (const int code = CodeInReason(session.reason)) {
    reason.sip_cause = code;
    reason.text = session.reason.substr(std::min<size_t>(8, session.reason.size()));
  } else {
    constexpr int kNormalClearing = 16;
    reason.q850_cause = kNormalClearing;
  }
  return sip::FormatReason(reason);
}

void Leg::OnSession(const gateway::MediaSession& session) {
  if (state_ == State::kEnded || session.sequence_number < last_sequence_) return;
  last_sequence_ = session.sequence_number;
  const auto self = shared_from_this();
  const bool is_early = state_ == State::kEarly;
  if (is_early) return OnEarlySession(session);
  if (!call::IsTerminal(session.status)) return;
  SendBye(ReasonOf(session));
  Finish();
}

void Leg::OnAck() {
  if (state_ != State::kAnswered) return;
  timer_.reset();
  state_ = State::kConfirmed;
}

// ---- requests within the dialog

void Leg::OnRequest(const ServerTransactionPointer& transaction) {
  const auto self = shared_from_this();
  const RequestHead& head = transaction->head;
  if (head.cseq <= dialog_.remote_cseq) {  // RFC 3261 section 12.2.2
    return transaction->Reject({500, Counter::kOldSequence, {}});
  }
  dialog_.remote_cseq = head.cseq;
  const std::string& method = transaction->request.method();
  if (method == "BYE") {
    transaction->Respond(200);
    return EndCall();
  }
  if (method == "INVITE") return OnReinvite(transaction);
  if (method == "UPDATE") return OnUpdate(transaction);
  if (method == "INFO") return OnInfo(transaction);
  if (method == "REFER") return OnRefer(transaction);
  if (method != "OPTIONS") return transaction->Reject({405, Counter::kMethodNotAllowed, {{"Allow", kAllow}}});
  transaction->Respond(transaction->Make(200).Add("Allow", kAllow));
}

void Leg::OnReinvite(const ServerTransactionPointer& transaction) {
  const auto timer = TakeSessionTimer(transaction);
  if (!timer) return;
  ChangeMedia(transaction, *timer);
}

void Leg::OnUpdate(const ServerTransactionPointer& transaction) {
  const auto timer = TakeSessionTimer(transaction);
  if (!timer) return;
  if (!transaction->request.body().empty()) return ChangeMedia(transaction, *timer);
  // Without a description it keeps the session alive, and may move the client's address.
  SipMessage response = transaction->Make(200);
  AddSessionHeaders(response, *timer);
  transaction->Respond(response);
  ArmSessionTimer(timer->timer);
}

void Leg::ChangeMedia(const ServerTransactionPointer& transaction, const sip::SessionTimerAnswer& timer) {
  const SipMessage& request = transaction->request;
  // The gateway has no offer of its own to make in mid-call: the client's description leads.
  if (request.body().empty()) return transaction->Reject({488, Counter::kBadBody, {}});
  if (request.ContentType() != "application/sdp") {
    return transaction->Reject({415, Counter::kBadBody, {{"Accept", "application/sdp"}}});
  }
  const bool is_too_early = state_ != State::kConfirmed && state_ != State::kAnswered;
  if (is_changing_ || is_too_early) return transaction->Reject({491, Counter::kGlare, {}});
  const auto present = environment_.ports.service.GetCall(who_, media_session_id_);
  const auto* session = std::get_if<gateway::MediaSession>(&present);
  if (session == nullptr) return transaction->Respond(481);
  is_changing_ = true;
  transaction->Respond(100);
  gateway::StatusChange change;
  // A client says hold by the direction of its offer (RFC 3264 section 8.4).
  const bool holds = HoldsMedia(request.body());
  // Only what the client holds itself can it resume. While the other side holds, its offer renews the media and is
  // answered as it asks: the media plane keeps back what the other side does not want, and when that resumes there
  // is nothing to tell the client, to whom we never make an offer.
  change.status = holds ? Status::kHold : client_holds_ ? Status::kResume : session->status;
  change.offer_sdp = request.body();
  environment_.ports.service.ChangeStatus(
      who_, media_session_id_, std::move(change),
      [weak = weak_from_this(), transaction, timer, holds](gateway::Outcome<gateway::MediaSession> outcome) {
        const auto self = weak.lock();
        if (!self) return transaction->Respond(481);
        self->is_changing_ = false;
        if (const auto* error = std::get_if<gateway::Error>(&outcome))
          return transaction->Respond(StatusCodeOf(*error));
        const auto& changed = std::get<gateway::MediaSession>(outcome);
        if (!changed.answer_sdp) return transaction->Respond(500);
        self->client_holds_ = holds;
        SipMessage response = transaction->Make(200);
        self->AddSessionHeaders(response, timer);
        transaction->Respond(response.SetBody("application/sdp", *changed.answer_sdp));
        self->ArmSessionTimer(timer.timer);
      });
}

void Leg::OnInfo(const ServerTransactionPointer& transaction) {
  const auto digit = ReadDtmf(transaction->request.ContentType(), transaction->request.body());
  if (!digit) {
    return transaction->Reject({415, Counter::kBadBody, {{"Accept", "application/dtmf-relay, application/dtmf"}}});
  }
  if (state_ == State::kEarly) return transaction->Respond(480);
  environment_.ports.service.SendDtmf(who_, media_session_id_, *digit,
                                      [transaction](const gateway::Outcome<gateway::Done>& outcome) {
                                        const auto* error = std::get_if<gateway::Error>(&outcome);
                                        transaction->Respond(error == nullptr ? 200 : StatusCodeOf(*error));
                                      });
}

void Leg::SendDigit(const std::string& digit, int duration_ms) {
  const auto connection = flow();
  if (!connection || state_ != State::kConfirmed) return;
  SipMessage info = MakeRequest("INFO");
  info.SetBody("application/dtmf-relay", DtmfRelayBody(digit, duration_ms));
  connection->Send(std::move(info), [](const SipMessage*) {});
}

// ---- session timer (RFC 4028)

std::optional<sip::SessionTimerAnswer> Leg::TakeSessionTimer(const ServerTransactionPointer& transaction) {
  const SipMessage& request = transaction->request;
  sip::SessionTimerRequest asked;
  asked.supports_timer = request.Lists("Supported", "timer");
  if (const std::string* value = request.Find("Session-Expires")) {
    asked.session_expires = sip::ParseSessionExpires(*value);
    if (!asked.session_expires) {
      transaction->Reject({400, Counter::kBadRequest, {}});
      return std::nullopt;
    }
  }
  // Without a wish of the client there is none: what ends a call whose client is gone is its media.
  const auto answer = sip::AnswerSessionTimer(asked, std::chrono::seconds(0), environment_.config.min_session_expires);
  if (!answer.is_too_small) return answer;
  transaction->Reject(
      {422, Counter::kIntervalTooBrief, {{"Min-SE", std::to_string(environment_.config.min_session_expires.count())}}});
  return std::nullopt;
}

void Leg::AddSessionHeaders(SipMessage& response, const sip::SessionTimerAnswer& timer) const {
  response.Add("Contact", Contact()).Add("Allow", kAllow).Add("Supported", "timer");
  if (timer.header) response.Add("Session-Expires", *timer.header);
  if (timer.requires_timer) response.Add("Require", "timer");
}

void Leg::ArmSessionTimer(const sip::SessionTimer& timer) {
  session_timer_ = timer;
  session_expiry_.reset();
  session_refresh_.reset();
  if (!timer.is_on()) return;
  session_expiry_ = environment_.ports.timers.After(timer.ExpireAfter(), [this] {
    environment_.counters.Add(Counter::kSessionExpired);
    const auto self = shared_from_this();
    SendBye(sip::FormatReason({.sip_cause = 408, .text = "Session expired"}));
    EndCall();
  });
  if (!timer.we_refresh) return;
  session_refresh_ = environment_.ports.timers.After(timer.RefreshAfter(), [this] { SendSessionRefresh(); });
}

void Leg::SendSessionRefresh() {
  const auto connection = flow();
  if (!connection) return;  // the client has until the expiry to come back
  SipMessage update = MakeRequest("UPDATE");
  update.Add("Contact", Contact()).Add("Supported", "timer");
  update.Add("Session-Expires", std::to_string(session_timer_.interval.count()) + ";refresher=uac");
  connection->Send(std::move(update), [weak = weak_from_this()](const SipMessage* response) {
    const auto self = weak.lock();
    if (!self || response == nullptr || response->status() < 200 || self->state_ == State::kEnded) return;
    if (response->status() < 300) return self->ArmSessionTimer(self->session_timer_);
    if (response->status() == 481 || response->status() == 408) self->EndCall();
  });
}

// ---- ends

std::string Leg::Contact() const {
  return "<sip:" + dialog_.local_tag + '@' + environment_.config.host + ";transport=ws>";
}

SipMessage Leg::MakeRequest(const std::string& method) {
  SipMessage request = SipMessage::Request(method, dialog_.remote_target);
  request.Add("From", dialog_.local).Add("To", dialog_.remote).Add("Call-ID", dialog_.call_id);
  request.Add("CSeq", std::to_string(dialog_.local_cseq++) + ' ' + method);
  return request;
}

void Leg::SendBye(const std::string& reason) {
  const auto connection = flow();
  if (!connection || state_ == State::kEarly) return;
  SipMessage bye = MakeRequest("BYE");
  if (!reason.empty()) bye.Add("Reason", reason);
  connection->Send(std::move(bye), [](const SipMessage*) {});
}

void Leg::EndCall() {
  const std::string id = media_session_id_;
  Finish();
  if (id.empty()) return;
  environment_.ports.service.DeleteCall(who_, id, [](const gateway::Outcome<gateway::Done>&) {});
}

void Leg::Finish() {
  if (state_ == State::kEnded) return;
  const auto self = shared_from_this();
  const bool was_early = state_ == State::kEarly;
  state_ = State::kEnded;
  if (was_early) OnEarlyEnd();
  timer_.reset();
  session_expiry_.reset();
  session_refresh_.reset();
  environment_.forget(*this);
}

}  // namespace byon::web_sip
