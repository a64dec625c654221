// REFER: the client moves its call to a phone (RFC 3515, blind transfer of RFC 5589 section 6).
#include "controlplane/call/address.h"
#include "controlplane/web_sip/caller_leg.h"
#include "controlplane/web_sip/leg.h"

namespace byon::web_sip {
namespace {

// "SIP 486 Busy Here", as the call logic says it, as the line of a message/sipfrag.
std::string StatusLineOf(const std::string& reason) {
  const bool is_sip = reason.starts_with("SIP ") && reason.size() >= 7 && sip::ParseNumber(reason.substr(4, 3), 699);
  const int code = is_sip ? static_cast<int>(*sip::ParseNumber(reason.substr(4, 3), 699)) : 503;
  return "SIP/2.0 " + std::to_string(code) + ' ' + std::string(PhraseOf(code));
}

}  // namespace

void Leg::OnRefer(const ServerTransactionPointer& transaction) {
  const SipMessage& request = transaction->request;
  const auto target = sip::ParseNameAddr(request.Text("Refer-To"));
  if (!target || request.Count("Refer-To") != 1) return transaction->Reject({400, Counter::kBadRequest, {}});
  // Headers in the URI: Replaces names a dialog, and the client's other dialogs end here as this one does.
  const bool is_attended = target->uri.find('?') != std::string::npos;
  if (is_attended) return transaction->Reject({403, Counter::kForbidden, {}});
  const auto receiver = ReceiverOf(target->uri, environment_.config.domain);
  if (!receiver || !call::TargetUriOf(*receiver)) return transaction->Reject({404, Counter::kUnknownDomain, {}});
  if (refer_cseq_) return transaction->Reject({491, Counter::kGlare, {}});
  refer_cseq_ = transaction->head.cseq;
  environment_.ports.service.TransferCall(
      who_, media_session_id_, {*receiver},
      [weak = weak_from_this(), transaction](const gateway::Outcome<gateway::MediaSession>& outcome) {
        const auto self = weak.lock();
        if (!self) return transaction->Respond(481);
        if (const auto* error = std::get_if<gateway::Error>(&outcome)) {
          self->refer_cseq_.reset();
          return transaction->Respond(StatusCodeOf(*error));
        }
        transaction->Respond(transaction->Make(202).Add("Contact", self->Contact()));
        self->NotifyOfRefer("SIP/2.0 100 Trying", false);
      });
}

void Leg::OnTransfer(const gateway::TransferProgress& progress) {
  if (!refer_cseq_) return;
  switch (progress.state) {
    case call::TransferState::kStarted: return;  // said with the 202
    case call::TransferState::kRinging: return NotifyOfRefer("SIP/2.0 180 Ringing", false);
    case call::TransferState::kCompleted: return NotifyOfRefer("SIP/2.0 200 OK", true);
    case call::TransferState::kCancelled: return NotifyOfRefer("SIP/2.0 487 Request Terminated", true);
    case call::TransferState::kFailed: return NotifyOfRefer(StatusLineOf(progress.reason), true);
  }
}

void Leg::NotifyOfRefer(const std::string& status_line, bool is_last) {
  const auto connection = flow();
  const std::string id = std::to_string(*refer_cseq_);
  if (is_last) refer_cseq_.reset();
  if (!connection || state_ == State::kEnded) return;
  SipMessage notify = MakeRequest("NOTIFY");
  notify.Add("Contact", Contact()).Add("Event", "refer;id=" + id);
  notify.Add("Subscription-State", is_last ? "terminated;reason=noresource" : "active;expires=180");
  notify.SetBody("message/sipfrag;version=2.0", status_line + "\r\n");
  connection->Send(std::move(notify), [](const SipMessage*) {});
}

}  // namespace byon::web_sip
