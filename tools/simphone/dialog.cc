#include "tools/simphone/dialog.h"

#include <algorithm>

namespace byon::simphone {
namespace {

std::string WithoutTag(const std::string& address) { return "<" + NameAddress::Parse(address).uri + ">"; }

}  // namespace

SipEndpoint NextHopOf(const std::vector<std::string>& routes, const std::string& target) {
  const auto uri = SipUri::Parse(routes.empty() ? target : NameAddress::Parse(routes[0]).uri);
  SipEndpoint hop;
  if (!uri) return hop;
  hop.ip = uri->host;
  hop.port = uri->port != 0 ? uri->port : uint16_t{5060};
  return hop;
}

SipMessage Dialog::MakeRequest(const std::string& method, const std::string& contact) {
  SipMessage request = MakeAck(++local_cseq, contact);
  SipMessage result = SipMessage::Request(method, request.request_uri());
  for (const SipMessage::Field& field : request.fields()) result.Add(field.name, field.value);
  result.Set("CSeq", std::to_string(local_cseq) + " " + method);
  return result;
}

SipMessage Dialog::MakeAck(uint32_t cseq, const std::string& contact) const {
  SipMessage ack = SipMessage::Request("ACK", remote_target);
  for (const std::string& route : route_set) ack.Add("Route", route);
  ack.Add("Max-Forwards", "70");
  ack.Add("From", local_address + ";tag=" + local_tag);
  ack.Add("To", remote_address + (remote_tag.empty() ? "" : ";tag=" + remote_tag));
  ack.Add("Call-ID", call_id);
  ack.Add("CSeq", std::to_string(cseq) + " ACK");
  ack.Add("Contact", contact);
  return ack;
}

SipEndpoint Dialog::NextHop() const { return NextHopOf(route_set, remote_target); }

void Dialog::LearnFromResponse(const SipMessage& response) {
  remote_tag = NameAddress::Parse(response.Header("To")).Parameter("tag").value_or("");
  route_set = response.HeaderList("Record-Route");
  std::reverse(route_set.begin(), route_set.end());
  RefreshTarget(response);
}

Dialog Dialog::FromInvite(const SipMessage& invite, std::string local_tag) {
  Dialog dialog;
  dialog.call_id = invite.Header("Call-ID");
  dialog.local_tag = std::move(local_tag);
  dialog.remote_tag = NameAddress::Parse(invite.Header("From")).Parameter("tag").value_or("");
  dialog.local_address = WithoutTag(invite.Header("To"));
  dialog.remote_address = WithoutTag(invite.Header("From"));
  dialog.route_set = invite.HeaderList("Record-Route");
  dialog.remote_cseq = invite.cseq();
  dialog.RefreshTarget(invite);
  return dialog;
}

void Dialog::RefreshTarget(const SipMessage& message) {
  const auto contacts = message.HeaderList("Contact");
  if (!contacts.empty()) remote_target = NameAddress::Parse(contacts[0]).uri;
}

bool Dialog::Matches(const SipMessage& request) const {
  return request.Header("Call-ID") == call_id &&
         NameAddress::Parse(request.Header("To")).Parameter("tag").value_or("") == local_tag &&
         NameAddress::Parse(request.Header("From")).Parameter("tag").value_or("") == remote_tag;
}

}  // namespace byon::simphone
