#include <nlohmann/json.hpp>

#include "tools/simphone/call.h"

namespace byon::simphone {

using nlohmann::json;

IncomingCall::IncomingCall(CallContext& context, std::string id, ServerTransactionPtr invite)
    : Call(context, std::move(id)), invite_(std::move(invite)) {
  dialog_ = Dialog::FromInvite(invite_->request(), context_.transactions.NewToken(10));
  is_reliable_ = context_.config.use_100rel && (invite_->request().HasOption("Supported", "100rel") ||
                                                invite_->request().HasOption("Require", "100rel"));
  media_.AllowSending(false);
}

void IncomingCall::EmitIncoming() {
  json headers = json::object();
  for (const SipMessage::Field& field : invite_->request().fields()) {
    headers[field.name] = field.value;
  }
  Emit("incoming", {{"from", NameAddress::Parse(invite_->request().Header("From")).uri},
                    {"pai", invite_->request().Header("P-Asserted-Identity")},
                    {"request_uri", invite_->request().request_uri()},
                    {"sdp", invite_->request().body()},
                    {"headers", headers}});
}

void IncomingCall::Start() {
  const PhoneConfig& config = context_.config;
  Respond(invite_, 100, "Trying");
  EmitIncoming();
  if (config.reject_code != 0) return Reject(config.reject_code, "Rejected");
  if (!PrepareAnswer()) return Reject(488, "Not Acceptable Here");
  if (!config.record.empty()) media_.stream().Record(config.record);
  if (!are_resources_ready_) {
    SendProvisional(183, "Session Progress", true);
  } else {
    Alert();
  }
  if (config.auto_answer_ms >= 0) {
    answer_timer_ =
        context_.transactions.loop().RunAfter(EventLoop::Milliseconds(config.auto_answer_ms), [this] { Answer(); });
  }
}

bool IncomingCall::PrepareAnswer() {
  const std::string& offer = invite_->request().body();
  if (offer.empty()) return true;  // our offer goes with the answer (RFC 3261 section 13.3.1)
  const auto remote = AudioDescription::Parse(offer);
  const bool has_preconditions = remote && remote->preconditions && context_.config.use_preconditions && is_reliable_;
  if (has_preconditions) {
    are_resources_ready_ = remote->preconditions->is_local_ready;
    media_.SetPreconditions(Preconditions{true, remote->preconditions->is_local_ready, !are_resources_ready_});
  }
  const auto answer = media_.AnswerTo(offer);
  if (answer) answer_sdp_ = *answer;
  return answer.has_value();
}

void IncomingCall::Alert() {
  if (context_.config.plays_early_media) PlayEarlyMedia();
  if (context_.config.rings) Ring();
}

void IncomingCall::Ring() { SendProvisional(180, "Ringing", false); }

void IncomingCall::PlayEarlyMedia() {
  media_.AllowSending(true);
  SendProvisional(183, "Session Progress", true);
}

void IncomingCall::SendProvisional(int status, const std::string& reason, bool with_sdp) {
  if (is_ended_ || is_confirmed_) return;
  if (awaits_prack_) {
    queue_.push_back({status, reason, with_sdp});
    return;
  }
  SipMessage response = SipMessage::ResponseTo(invite_->request(), status, reason);
  response.Set("To", invite_->request().Header("To") + ";tag=" + dialog_.local_tag);
  response.Add("Contact", ContactHeader());
  response.Add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS");
  if (with_sdp && !answer_sdp_.empty() && !was_sdp_sent_reliably_) {
    response.SetBody("application/sdp", answer_sdp_);
    if (context_.config.plays_early_media) response.Add("P-Early-Media", "sendrecv");
    was_sdp_sent_reliably_ = is_reliable_;
  }
  if (is_reliable_) {
    response.Add("Require", are_resources_ready_ ? "100rel" : "100rel, precondition");
    response.Add("RSeq", std::to_string(++rseq_));
    awaits_prack_ = true;
    context_.transactions.RespondReliably(invite_, response);
  } else {
    context_.transactions.Respond(invite_, response);
  }
  Emit(status == 180 ? "ringing" : "progressed", {{"reliable", is_reliable_}});
}

bool IncomingCall::Owns(const SipMessage& request) const {
  if (request.method() == "CANCEL") {
    return request.Header("Call-ID") == dialog_.call_id && request.cseq() == invite_->request().cseq();
  }
  return dialog_.Matches(request);
}

void IncomingCall::HandlePrack(const ServerTransactionPtr& transaction) {
  const std::string expected = std::to_string(rseq_) + " " + std::to_string(invite_->request().cseq()) + " INVITE";
  if (!awaits_prack_ || transaction->request().Header("RAck") != expected) {
    return Respond(transaction, 481, "Call/Transaction Does Not Exist");
  }
  context_.transactions.StopRetransmission(invite_);
  awaits_prack_ = false;
  SipMessage response = SipMessage::ResponseTo(transaction->request(), 200, "OK");
  const std::string& offer = transaction->request().body();
  if (!offer.empty()) {
    if (const auto answer = media_.AnswerTo(offer)) response.SetBody("application/sdp", *answer);
  }
  context_.transactions.Respond(transaction, response);
  if (!queue_.empty()) {
    const Provisional next = queue_.front();
    queue_.erase(queue_.begin());
    return SendProvisional(next.status, next.reason, next.with_sdp);
  }
  if (is_answer_queued_) Answer();
}

void IncomingCall::HandlePreconditions(const Preconditions& remote) {
  if (are_resources_ready_ || !remote.is_local_ready) return;
  are_resources_ready_ = true;
  media_.SetPreconditions(Preconditions{true, true, false});
  Emit("resources_ready", json::object());
  Alert();
}

void IncomingCall::HandleCancel(const ServerTransactionPtr& transaction) {
  Respond(transaction, 200, "OK");
  if (is_confirmed_ || is_ended_) return;
  SipMessage response = SipMessage::ResponseTo(invite_->request(), 487, "Request Terminated");
  response.Set("To", invite_->request().Header("To") + ";tag=" + dialog_.local_tag);
  context_.transactions.Respond(invite_, response);
  context_.transactions.loop().Cancel(answer_timer_);
  End("cancelled", {{"reason", transaction->request().Header("Reason")}});
}

void IncomingCall::Answer() {
  if (is_ended_ || is_confirmed_) return;
  // An offer answered in a reliable 1xx must be acknowledged first (RFC 3262 section 5).
  is_answer_queued_ = awaits_prack_ || !queue_.empty() || !are_resources_ready_;
  if (is_answer_queued_) return;
  SipMessage response = SipMessage::ResponseTo(invite_->request(), 200, "OK");
  response.Set("To", invite_->request().Header("To") + ";tag=" + dialog_.local_tag);
  response.Add("Contact", ContactHeader());
  response.Add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS");
  response.Add("Supported", "100rel, timer");
  const std::string session_expires = invite_->request().Header("Session-Expires");
  if (!session_expires.empty() && invite_->request().HasOption("Supported", "timer")) {
    const std::string refresher = session_expires.find("refresher") == std::string::npos ? ";refresher=uac" : "";
    response.Add("Session-Expires", session_expires + refresher);
    response.Add("Require", "timer");
  }
  if (answer_sdp_.empty()) {
    response.SetBody("application/sdp", media_.MakeOffer());
    ExpectAnswerInAck();
  } else if (!was_sdp_sent_reliably_) {
    response.SetBody("application/sdp", answer_sdp_);
  }
  is_confirmed_ = true;
  media_.AllowSending(true);
  ExpectAck(invite_);
  context_.transactions.Respond(invite_, response);
  if (!session_expires.empty()) StartSessionTimer(response, false);
  Emit("answered", {{"codec", media_.stream().MakeReport().codec}});
}

void IncomingCall::Reject(int status, const std::string& reason) {
  if (is_ended_ || is_confirmed_) return;
  SipMessage response = SipMessage::ResponseTo(invite_->request(), status, reason);
  response.Set("To", invite_->request().Header("To") + ";tag=" + dialog_.local_tag);
  context_.transactions.Respond(invite_, response);
  context_.transactions.loop().Cancel(answer_timer_);
  End("rejected", {{"code", status}});
}

void IncomingCall::Hangup(const std::string& reason) {
  if (is_ended_) return;
  if (!is_confirmed_) return Reject(480, "Temporarily Unavailable");
  SendBye(reason);
  End("ended", {{"cause", "hung up"}});
}

}  // namespace byon::simphone
