#include "controlplane/web_sip/caller_leg.h"

#include "controlplane/call/address.h"

namespace byon::web_sip {
namespace {

using call::Status;

constexpr std::chrono::seconds kAckTimeout{32};  // 64*T1, RFC 3261 section 13.3.1.4

// What a handset that dials an emergency number over this access is told (TS 24.229 sections 5.2.10 and 7.6).
constexpr char kEmergencyBody[] =
    "<?xml version=\"1.0\"?><ims-3gpp version=\"1\"><alternative-service><type>emergency</type>"
    "<reason>Emergency calls are not possible here, use your phone</reason></alternative-service></ims-3gpp>";

// RFC 3323: the caller's identity is kept from the callee.
bool IsAnonymous(const SipMessage& invite, const RequestHead& head) {
  const auto uri = sip::ParseUri(head.from.uri);
  return invite.Text("Privacy").find("id") != std::string::npos || (uri && uri->host == "anonymous.invalid");
}

}  // namespace

void TellToUsePhone(ServerTransaction& invite) {
  invite.Respond(invite.Make(380).SetBody("application/3gpp-ims+xml", kEmergencyBody));
}

std::optional<std::string> ReceiverOf(const std::string& request_uri, const std::string& domain) {
  if (request_uri.starts_with("urn:service:")) return request_uri;
  const auto uri = sip::ParseUri(request_uri);
  if (!uri) return std::nullopt;
  if (uri->scheme == "tel") return request_uri;
  if (const auto number = call::PhoneNumberOf(request_uri)) return "tel:" + *number;
  const bool is_ours = uri->user.empty() || sip::EqualsIgnoringCase(uri->host, domain);
  if (uri->user.empty()) return std::nullopt;
  return "sip:" + uri->user.substr(0, uri->user.find(';')) + '@' + (is_ours ? domain : uri->host);
}

CallerLeg::CallerLeg(LegEnvironment& environment, const Line& line, ServerTransactionPointer invite)
    : Leg(environment, line.device, line.who),
      invite_(std::move(invite)),
      registration_id_(line.registration_id),
      number_(line.number) {
  dialog_.call_id = invite_->head.call_id;
  dialog_.local_tag = invite_->to_tag;
  dialog_.remote_tag = invite_->head.from_tag;
  dialog_.local = invite_->request.Text("To") + ";tag=" + invite_->to_tag;
  dialog_.remote = invite_->request.Text("From");
  dialog_.remote_cseq = invite_->head.cseq;
}

bool CallerLeg::Start() {
  const SipMessage& request = invite_->request;
  const auto contact = sip::ParseNameAddr(request.Text("Contact"));
  const bool is_bad = !contact || request.Count("Contact") != 1 || !IsContactUri(contact->uri);
  if (is_bad) return invite_->Reject({400, Counter::kBadRequest, {}}), false;
  dialog_.remote_target = contact->uri;
  auto body = ReadInviteBody(request);
  if (const auto* rejection = std::get_if<Rejection>(&body)) return invite_->Reject(*rejection), false;
  // A call for help goes before every rule of form, however the number is written (tel:112, sip:112@anywhere).
  is_for_help_ = environment_.ports.service.IsEmergency(request.uri());
  const bool is_own =
      is_for_help_ || IsAnonymous(request, invite_->head) || call::PhoneNumberOf(invite_->head.from.uri) == number_;
  if (!is_own) return invite_->Reject({403, Counter::kForbidden, {}}), false;
  auto receiver = ReceiverOf(request.uri(), environment_.config.domain);
  if (!receiver && is_for_help_) receiver = request.uri();
  const bool is_service = is_for_help_ || request.uri().starts_with("urn:");
  if (!receiver || (!is_service && !call::TargetUriOf(*receiver))) {
    return invite_->Reject({404, Counter::kUnknownDomain, {}}), false;
  }
  const auto timer = TakeSessionTimer(invite_);
  if (!timer) return false;
  session_timer_ = *timer;
  environment_.counters.Add(Counter::kCallFromClient);
  invite_->Respond(100);
  Create(*receiver, std::get<InviteBody>(std::move(body)));
  return true;
}

void CallerLeg::Create(std::string receiver, InviteBody body) {
  gateway::CallRequest call;
  call.registration_id = registration_id_;
  const bool is_anonymous = IsAnonymous(invite_->request, invite_->head);
  call.originator_address = is_anonymous ? std::string(call::kAnonymousAddress) : "tel:" + number_;
  call.originator_name = is_anonymous ? "" : call::CleanDisplayName(invite_->head.from.display_name);
  call.is_emergency = is_for_help_ || receiver.starts_with("urn:service:sos");
  call.receiver_address = std::move(receiver);
  call.offer_sdp = std::move(body.offer);
  call.location = std::move(body.location);
  environment_.ports.service.CreateCall(who_, std::move(call),
                                        [weak = WeakSelf<CallerLeg>(), service = &environment_.ports.service,
                                         who = who_](const gateway::Outcome<gateway::MediaSession>& outcome) {
                                          if (const auto self = weak.lock()) return self->OnCreated(outcome);
                                          // The client has given up meanwhile.
                                          if (const auto* session = std::get_if<gateway::MediaSession>(&outcome)) {
                                            service->DeleteCall(who, session->media_session_id,
                                                                [](const gateway::Outcome<gateway::Done>&) {});
                                          }
                                        });
}

void CallerLeg::OnCreated(const gateway::Outcome<gateway::MediaSession>& outcome) {
  const auto self = shared_from_this();
  if (const auto* error = std::get_if<gateway::Error>(&outcome)) {
    if (state_ == State::kEnded) return;
    const int status = StatusCodeOf(*error);
    status == 380 ? TellToUsePhone(*invite_) : invite_->Respond(status);
    return Finish();
  }
  const auto& session = std::get<gateway::MediaSession>(outcome);
  media_session_id_ = session.media_session_id;
  environment_.named(*this);
  if (state_ != State::kEnded) return OnSession(session);
  environment_.ports.service.DeleteCall(who_, media_session_id_, [](const gateway::Outcome<gateway::Done>&) {});
}

void CallerLeg::OnEarlySession(const gateway::MediaSession& session) {
  switch (session.status) {
    case Status::kInitial:
    case Status::kProceeding: return;
    case Status::kWaiting: return Progress(182, session);
    case Status::kInProgress: return Progress(183, session);
    case Status::kRinging: return Progress(180, session);
    case Status::kConnected:
    case Status::kHold:
    case Status::kResume: return Answer(session);
    default: break;
  }
  SipMessage response = invite_->Make(StatusCodeOf(session));
  response.Add("Reason", ReasonOf(session));
  invite_->Respond(response);
  Finish();
}

void CallerLeg::Progress(int status, const gateway::MediaSession& session) {
  SipMessage response = invite_->Make(status);
  response.Add("Contact", Contact()).Add("Allow", kAllow);
  // The same description with every response (RFC 3261 section 13.2.1).
  if (session.answer_sdp) response.SetBody("application/sdp", *session.answer_sdp);
  invite_->Respond(response);
}

void CallerLeg::Answer(const gateway::MediaSession& session) {
  if (!session.answer_sdp) {
    invite_->Respond(500);
    return EndCall();
  }
  SipMessage response = invite_->Make(200);
  AddSessionHeaders(response, session_timer_);
  invite_->Respond(response.SetBody("application/sdp", *session.answer_sdp));
  state_ = State::kAnswered;
  ArmSessionTimer(session_timer_.timer);
  timer_ = environment_.ports.timers.After(kAckTimeout, [this] {
    environment_.counters.Add(Counter::kAckTimeout);
    const auto self = shared_from_this();
    SendBye(sip::FormatReason({.sip_cause = 408, .text = "No ACK"}));
    EndCall();
  });
}

void CallerLeg::OnCancel() {
  const auto self = shared_from_this();
  EndCall();
}

// The INVITE dies with its connection; an answered call lives on until the client is back or its media ends.
void CallerLeg::OnFlowLost(const Flow&) {
  const auto self = shared_from_this();
  if (state_ == State::kEarly) EndCall();
}

void CallerLeg::OnEarlyEnd() {
  if (!invite_->is_answered()) invite_->Respond(487);
}

}  // namespace byon::web_sip
