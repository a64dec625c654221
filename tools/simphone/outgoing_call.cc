#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tools/simphone/call.h"

namespace byon::simphone {

using nlohmann::json;

OutgoingCall::OutgoingCall(CallContext& context, std::string id, const std::string& to) : Call(context, std::move(id)) {
  if (!context.config.record.empty()) media_.stream().Record(context.config.record);
  SendInvite(to);
}

void OutgoingCall::SendInvite(const std::string& to) {
  const PhoneConfig& config = context_.config;
  const std::string number = to.substr(0, to.find('@'));
  const bool is_uri = to.starts_with("sip:") || to.starts_with("tel:") || to.starts_with("urn:");
  const std::string target = is_uri ? to : "sip:" + number + "@" + config.domain + ";user=phone";
  dialog_.call_id = context_.transactions.NewToken(24);
  dialog_.local_tag = context_.transactions.NewToken(10);
  dialog_.local_address = "<sip:" + config.number + "@" + config.domain + ">";
  dialog_.remote_address = "<" + target + ">";
  dialog_.remote_target = target;
  dialog_.route_set = context_.registration.RouteSet();

  if (config.use_preconditions) media_.SetPreconditions(Preconditions{});
  SipMessage invite = dialog_.MakeRequest("INVITE", ContactHeader());
  invite_cseq_ = invite.cseq();
  invite.Add("P-Preferred-Identity", dialog_.local_address);
  invite.Add("P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel");
  invite.Add("Accept-Contact", "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"");
  invite.Add("P-Early-Media", "supported");
  invite.Add("P-Access-Network-Info", "3GPP-NR-TDD; utran-cell-id-3gpp=2140100010000001");
  std::string supported = "timer, replaces, norefersub, histinfo";
  if (config.use_100rel) supported += ", 100rel";
  if (config.use_preconditions) supported += ", precondition";
  invite.Add("Supported", supported);
  invite.Add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS, NOTIFY");
  invite.Add("Accept", "application/sdp, application/3gpp-ims+xml");
  if (config.session_expires_s > 0) {
    invite.Add("Session-Expires", std::to_string(config.session_expires_s));
    invite.Add("Min-SE", "90");
  }
  invite.SetBody("application/sdp", media_.MakeOffer());
  branch_ = context_.transactions.Send(std::move(invite), dialog_.NextHop(),
                                       [this](const SipMessage& response) { Receive(response); });
  Emit("calling", {{"to", target}});
}

bool OutgoingCall::Owns(const SipMessage& request) const {
  if (request.Header("Call-ID") != dialog_.call_id) return false;
  return NameAddress::Parse(request.Header("To")).Parameter("tag").value_or("") == dialog_.local_tag;
}

void OutgoingCall::Receive(const SipMessage& response) {
  if (response.status() < 200) {
    if (!is_ended_) ReceiveProvisional(response);
  } else if (response.status() < 300) {
    ReceiveAnswer(response);
  } else if (!is_confirmed_) {
    ReceiveFinal(response);
  }
}

void OutgoingCall::ReceiveProvisional(const SipMessage& response) {
  if (response.status() == 100) return;
  const std::string tag = NameAddress::Parse(response.Header("To")).Parameter("tag").value_or("");
  auto [entry, is_new] = early_.try_emplace(tag);
  EarlyDialog& early = entry->second;
  if (is_new) early.dialog = dialog_;
  const uint32_t cseq = early.dialog.local_cseq;
  early.dialog.LearnFromResponse(response);
  early.dialog.local_cseq = cseq;
  if (response.HasOption("Require", "100rel")) {
    const auto rseq = static_cast<uint32_t>(std::strtoul(response.Header("RSeq").c_str(), nullptr, 10));
    if (rseq <= early.last_rseq) return;  // repeated: its PRACK is under way
    early.last_rseq = rseq;
    SendPrack(early, response);
  }
  if (!response.body().empty()) {
    early.answer = response.body();
    if (!media_.TakeAnswer(response.body())) Emit("bad_answer", {{"sdp", response.body()}});
  }
  Emit(response.status() == 180 ? "ringing" : "progress", {{"code", response.status()},
                                                           {"fork", tag},
                                                           {"sdp", !response.body().empty()},
                                                           {"reliable", response.HasOption("Require", "100rel")},
                                                           {"early_media", response.Header("P-Early-Media")}});
}

void OutgoingCall::SendPrack(EarlyDialog& early, const SipMessage& response) {
  SipMessage prack = early.dialog.MakeRequest("PRACK", ContactHeader());
  prack.Add("RAck", response.Header("RSeq") + " " + response.Header("CSeq"));
  const std::string tag = early.dialog.remote_tag;
  context_.transactions.Send(std::move(prack), early.dialog.NextHop(), [this, tag](const SipMessage& answer) {
    if (answer.status() >= 200 && answer.status() < 300) {
      ConfirmResources(tag);
    }
  });
}

void OutgoingCall::ConfirmResources(const std::string& tag) {
  const auto found = early_.find(tag);
  if (!context_.config.use_preconditions || found == early_.end() || is_confirmed_) return;
  EarlyDialog& early = found->second;
  if (early.was_updated || !media_.remote() || !media_.remote()->preconditions) return;
  early.was_updated = true;
  media_.SetPreconditions(Preconditions{true, false, false});
  SipMessage update = early.dialog.MakeRequest("UPDATE", ContactHeader());
  update.Add("Require", "precondition");
  update.SetBody("application/sdp", media_.MakeOffer());
  context_.transactions.Send(std::move(update), early.dialog.NextHop(), [this](const SipMessage& answer) {
    if (answer.status() < 200) return;
    const bool is_agreed = answer.status() < 300 && media_.TakeAnswer(answer.body());
    Emit("resources_confirmed", {{"agreed", is_agreed}});
  });
}

void OutgoingCall::ReceiveAnswer(const SipMessage& response) {
  Dialog answered = dialog_;
  const uint32_t cseq = answered.local_cseq;
  answered.LearnFromResponse(response);
  if (is_confirmed_ || is_ended_) {
    // A repeated 200, or a second fork that answered (RFC 3261 section 13.2.2.4).
    context_.transactions.SendAck(answered.MakeAck(invite_cseq_, ContactHeader()), answered.NextHop());
    if (is_ended_ || answered.remote_tag != dialog_.remote_tag) {
      SipMessage bye = answered.MakeRequest("BYE", ContactHeader());
      context_.transactions.Send(std::move(bye), answered.NextHop(), [](const SipMessage&) {});
    }
    return;
  }
  const auto early = early_.find(answered.remote_tag);
  answered.local_cseq = early == early_.end() ? cseq : early->second.dialog.local_cseq;
  dialog_ = answered;
  is_confirmed_ = true;
  context_.transactions.SendAck(dialog_.MakeAck(invite_cseq_, ContactHeader()), dialog_.NextHop());
  if (is_cancelled_) {
    // The answer crossed our CANCEL.
    SendBye("");
    return End("ended", {{"cause", "cancelled after the answer"}});
  }
  std::string sdp = response.body();
  if (sdp.empty() && early != early_.end()) sdp = early->second.answer;
  const bool was_updated = early != early_.end() && early->second.was_updated;
  const bool is_agreed =
      was_updated && response.body().empty() ? media_.negotiated().has_value() : media_.TakeAnswer(sdp);
  if (!response.Header("Session-Expires").empty()) StartSessionTimer(response, true);
  Emit("answered", {{"agreed", is_agreed},
                    {"codec", media_.stream().MakeReport().codec},
                    {"pai", response.Header("P-Asserted-Identity")}});
}

void OutgoingCall::ReceiveFinal(const SipMessage& response) {
  End(is_cancelled_ && response.status() == 487 ? "ended" : "failed",
      {{"code", response.status()}, {"phrase", response.reason_phrase()}, {"reason", response.Header("Reason")}});
}

void OutgoingCall::Hangup(const std::string& reason) {
  if (is_ended_) return;
  if (is_confirmed_) {
    SendBye(reason);
    End("ended", {{"cause", "hung up"}});
  } else {
    is_cancelled_ = true;
    context_.transactions.CancelInvite(branch_, reason);
  }
}

}  // namespace byon::simphone
