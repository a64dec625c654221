#include "controlplane/web_sip/callee_leg.h"

#include <utility>

#include "controlplane/call/address.h"
#include "controlplane/sip/text/verstat.h"

namespace byon::web_sip {
namespace {

using call::Status;

const auto kIgnoreSession = [](const gateway::Outcome<gateway::MediaSession>&) {};

}  // namespace

std::string SipUriOf(const std::string& address, const std::string& domain) {
  const auto number = call::PhoneNumberOf(address);
  if (number && address.starts_with("tel:")) return "sip:" + *number + '@' + domain;
  return sip::IsSafeUri(address) && address.starts_with("sip:") ? address : std::string(call::kAnonymousAddress);
}

CalleeLeg::CalleeLeg(LegEnvironment& environment, const Line& line, const gateway::MediaSession& invitation)
    : Leg(environment, line.device, line.who),
      number_(line.number),
      caller_address_(invitation.originator_address),
      caller_name_(invitation.originator_name),
      caller_assurance_(invitation.originator_assurance),
      offer_sdp_(invitation.offer_sdp.value_or("")) {
  media_session_id_ = invitation.media_session_id;
}

void CalleeLeg::Start() {
  environment_.counters.Add(Counter::kCallToClient);
  if (const auto connection = flow()) return SendInvite(*connection);
  WaitForClient();
}

void CalleeLeg::WaitForClient() {
  timer_ = environment_.ports.timers.After(environment_.config.reconnect_grace, [this] { Refuse(480); });
}

void CalleeLeg::OnFlowLost(const Flow&) {}  // the INVITE's transaction says so itself

void CalleeLeg::OnFlowBound() {
  const auto self = shared_from_this();
  if (state_ != State::kEarly || !branch_.empty()) return;
  timer_.reset();
  if (const auto connection = flow()) SendInvite(*connection);
}

void CalleeLeg::SendInvite(Flow& flow) {
  const Line* line = environment_.lines.Find(device_);
  if (line == nullptr) return Refuse(480);
  const std::string& domain = environment_.config.domain;
  const std::string caller = SipUriOf(caller_address_, domain);
  const bool is_anonymous = caller == call::kAnonymousAddress;
  const std::string name = is_anonymous ? "Anonymous" : caller_name_;
  dialog_ = {};
  dialog_.call_id = environment_.ports.new_id();
  dialog_.local_tag = environment_.ports.new_id();
  environment_.named(*this);
  dialog_.local = (name.empty() ? "" : sip::QuoteDisplayName(name) + ' ') + '<' + caller + ">;tag=" + dialog_.local_tag;
  dialog_.remote = "<sip:" + number_ + '@' + domain + '>';
  dialog_.remote_target = line->contact_uri;
  SipMessage invite = MakeRequest("INVITE");
  invite.Add("Contact", Contact()).Add("Allow", kAllow);
  if (!is_anonymous && caller_assurance_ && caller_assurance_->is_asserted) {
    // As a parameter of the URI, not of the number: clients show the user part as it stands.
    const std::string_view check = sip::VerstatOf(caller_assurance_->number_check);
    const std::string verstat = check.empty() ? "" : ";user=phone;verstat=" + std::string(check);
    invite.Add("P-Asserted-Identity", '<' + caller + verstat + '>');
  }
  invite.SetBody("application/sdp", offer_sdp_);
  has_progress_ = false;
  cancel_reason_.reset();
  branch_ = "pending";
  // The transaction keeps the leg: an answer that comes after the end needs its ACK and BYE.
  const auto self = std::static_pointer_cast<CalleeLeg>(shared_from_this());
  const std::string sent =
      flow.Send(std::move(invite), [self](const SipMessage* response) { self->OnResponse(response); });
  if (!branch_.empty()) branch_ = sent;
}

void CalleeLeg::OnResponse(const SipMessage* response) {
  if (response == nullptr) {
    branch_.clear();
    if (state_ == State::kEnded) return;
    // Not there, or its connection has just broken: it may come back in time.
    return WaitForClient();
  }
  const int status = response->status();
  if (status < 200) {
    has_progress_ = true;
    if (cancel_reason_) return OnEarlyEnd();
    if (state_ == State::kEnded) return;
    if (status == 180) Change(Status::kRinging);
    if (status == 183) Change(Status::kInProgress);
    return;
  }
  branch_.clear();
  if (status < 300) return OnAnswer(*response);
  if (state_ != State::kEnded) Refuse(status);
}

void CalleeLeg::OnAnswer(const SipMessage& response) {
  const auto to = sip::ParseNameAddr(response.Text("To"));
  const auto contact = sip::ParseNameAddr(response.Text("Contact"));
  dialog_.remote = response.Text("To");
  dialog_.remote_tag = to ? to->Parameter("tag").value_or("") : "";
  if (contact && IsContactUri(contact->uri)) dialog_.remote_target = contact->uri;
  Acknowledge(response);
  // The call ended while the answer was on its way.
  const bool is_late = state_ == State::kEnded;
  state_ = State::kConfirmed;
  if (is_late || response.body().empty() || response.ContentType() != "application/sdp") {
    SendBye(sip::FormatReason({.sip_cause = is_late ? 487 : 488, .text = is_late ? "Call ended" : "No answer"}));
    if (is_late) {
      state_ = State::kEnded;
      return;
    }
    return EndCall();
  }
  if (const std::string* timer = response.Find("Session-Expires")) {
    ArmSessionTimer(sip::TimerFromResponse(sip::ParseSessionExpires(*timer)));
  }
  gateway::StatusChange change;
  change.status = Status::kConnected;
  change.answer_sdp = response.body();
  environment_.ports.service.ChangeStatus(
      who_, media_session_id_, std::move(change),
      [weak = WeakSelf<CalleeLeg>()](const gateway::Outcome<gateway::MediaSession>& outcome) {
        const auto self = weak.lock();
        const auto* error = std::get_if<gateway::Error>(&outcome);
        if (!self || error == nullptr || self->state_ == State::kEnded) return;
        self->environment_.ports.observer("sip_answer_refused", error->message);
        self->SendBye(sip::FormatReason({.sip_cause = StatusCodeOf(*error), .text = "Answer refused"}));
        self->EndCall();
      });
}

void CalleeLeg::Acknowledge(const SipMessage& response) {
  SipMessage ack = SipMessage::Request("ACK", dialog_.remote_target);
  const std::string cseq = response.Text("CSeq");
  ack.Add("From", dialog_.local).Add("To", dialog_.remote).Add("Call-ID", dialog_.call_id);
  ack.Add("CSeq", cseq.substr(0, cseq.find(' ')) + " ACK");
  if (const auto connection = flow()) connection->SendAck(std::move(ack));
}

// The client does not take the call: 603 speaks for the user, the others for this device only.
void CalleeLeg::Refuse(int status) {
  const auto self = shared_from_this();
  Finish();
  if (status == 486 || status == 600) return Change(Status::kBusy);
  if (status == 603 || status == 607 || status == 608) return Change(Status::kDeclined);
  Change(Status::kNotReachable);
}

void CalleeLeg::Change(Status status) {
  gateway::StatusChange change;
  change.status = status;
  environment_.ports.service.ChangeStatus(who_, media_session_id_, std::move(change), kIgnoreSession);
}

void CalleeLeg::OnEarlySession(const gateway::MediaSession& session) {
  if (!call::IsTerminal(session.status)) return;
  cancel_reason_ = ReasonOf(session);
  Finish();
}

// CANCEL may follow a provisional response only (RFC 3261 section 9.1); until then it waits for one.
void CalleeLeg::OnEarlyEnd() {
  if (branch_.empty() || !cancel_reason_ || !has_progress_) return;
  if (const auto connection = flow()) connection->Cancel(branch_, *std::exchange(cancel_reason_, std::nullopt));
}

}  // namespace byon::web_sip
