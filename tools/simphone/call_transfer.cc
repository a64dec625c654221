// Calls that change their parties: REFER (RFC 3515) and INVITE with Replaces (RFC 3891).
#include <nlohmann/json.hpp>

#include "tools/simphone/call.h"

namespace byon::simphone {
namespace {

using nlohmann::json;

// In a URI's header part (RFC 3261 section 19.1.2).
std::string Escaped(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.') {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace

void Call::Refer(const std::string& to, const Call* replaced, bool is_silent) {
  const bool is_uri = to.starts_with("sip:") || to.starts_with("tel:") || to.starts_with("urn:");
  std::string target = is_uri ? to : "sip:" + to + "@" + context_.config.domain + ";user=phone";
  if (replaced != nullptr) {
    const Dialog& other = replaced->dialog_;
    target += "?Replaces=" + Escaped(other.call_id + ";to-tag=" + other.remote_tag + ";from-tag=" + other.local_tag);
  }
  SipMessage refer = dialog_.MakeRequest("REFER", ContactHeader());
  refer.Add("Refer-To", "<" + target + ">");
  refer.Add("Referred-By", dialog_.local_address);
  refer.Add("Supported", "norefersub");
  if (is_silent) refer.Add("Refer-Sub", "false");
  context_.transactions.Send(std::move(refer), dialog_.NextHop(), [this](const SipMessage& response) {
    if (response.status() < 200) return;
    Emit("refer_answered", {{"code", response.status()}, {"refer_sub", response.Header("Refer-Sub")}});
  });
}

void Call::HandleNotify(const ServerTransactionPtr& transaction) {
  const SipMessage& request = transaction->request();
  Respond(transaction, 200, "OK");
  if (!request.Header("Event").starts_with("refer")) return;
  const std::string& body = request.body();
  Emit("refer_progress",
       {{"status", body.substr(0, body.find('\r'))}, {"subscription", request.Header("Subscription-State")}});
}

bool Call::IsReplacedBy(const SipMessage& invite) const {
  if (!is_confirmed_ || is_ended_) return false;
  const std::string value = invite.Header("Replaces");
  const size_t semicolon = value.find(';');
  if (semicolon == std::string::npos || Trim(value.substr(0, semicolon)) != dialog_.call_id) return false;
  const std::string parameters = value.substr(semicolon);
  return FindParameter(parameters, "to-tag") == dialog_.local_tag &&
         FindParameter(parameters, "from-tag") == dialog_.remote_tag;
}

void Call::Replace(const ServerTransactionPtr& transaction) {
  const SipMessage& invite = transaction->request();
  const auto answer = invite.body().empty() ? std::optional<std::string>() : media_.AnswerTo(invite.body());
  if (!answer) return Respond(transaction, 488, "Not Acceptable Here");
  Dialog replaced = dialog_;
  dialog_ = Dialog::FromInvite(invite, context_.transactions.NewToken(10));
  SipMessage response = SipMessage::ResponseTo(invite, 200, "OK");
  response.Set("To", invite.Header("To") + ";tag=" + dialog_.local_tag);
  response.Add("Contact", ContactHeader());
  response.Add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS");
  response.SetBody("application/sdp", *answer);
  unacknowledged_ = transaction;
  context_.transactions.Respond(transaction, response);
  SipMessage bye = replaced.MakeRequest("BYE", ContactHeader());
  bye.Add("Reason", "SIP;cause=200;text=\"Replaced\"");
  context_.transactions.Send(std::move(bye), replaced.NextHop(), [](const SipMessage&) {});
  Emit("replaced", {{"from", NameAddress::Parse(invite.Header("From")).uri},
                    {"pai", invite.Header("P-Asserted-Identity")},
                    {"referred_by", NameAddress::Parse(invite.Header("Referred-By")).uri}});
}

}  // namespace byon::simphone
