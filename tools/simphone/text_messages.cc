#include "tools/simphone/text_messages.h"

#include <nlohmann/json.hpp>

namespace byon::simphone {
namespace {

using nlohmann::json;

// The value of "Name: value" in the lines of a message/cpim text; header names of both blocks.
std::string CpimHeader(const std::string& text, const std::string& name) {
  size_t start = 0;
  for (int blocks = 0; start < text.size() && blocks < 2;) {
    const size_t end = text.find("\r\n", start);
    if (end == std::string::npos) return "";
    const std::string line = text.substr(start, end - start);
    start = end + 2;
    if (line.empty()) ++blocks;
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !EqualNoCase(Trim(line.substr(0, colon)), name)) continue;
    return std::string(Trim(std::string_view(line).substr(colon + 1)));
  }
  return "";
}

// What stands behind the second empty line.
std::string CpimContent(const std::string& text) {
  const size_t first = text.find("\r\n\r\n");
  const size_t second = first == std::string::npos ? first : text.find("\r\n\r\n", first + 4);
  return second == std::string::npos ? "" : text.substr(second + 4);
}

std::string Between(const std::string& text, const std::string& open, const std::string& close) {
  const size_t start = text.find(open);
  const size_t end = start == std::string::npos ? start : text.find(close, start + open.size());
  return end == std::string::npos ? "" : text.substr(start + open.size(), end - start - open.size());
}

}  // namespace

void TextMessages::Send(const json& command) {
  const std::string to = command.at("to");
  const bool is_uri = to.starts_with("sip:") || to.starts_with("tel:");
  const std::string target = is_uri ? to : "sip:" + to + "@" + config_.domain + ";user=phone";
  const std::string id = command.value("id", transactions_.NewToken(16));
  const std::string type = command.value("content_type", "text/plain;charset=UTF-8");
  std::string text = command.value("text", "");
  // Bytes that JSON cannot say.
  if (command.contains("hex")) {
    text.clear();
    const std::string hex = command["hex"];
    for (size_t i = 0; i + 1 < hex.size(); i += 2) text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  if (!command.value("report", false)) return SendRequest(target, id, type, text, true);
  const std::string own = "sip:" + config_.number + "@" + config_.domain;
  SendRequest(target, id, "message/cpim",
              "From: <" + own + ">\r\nTo: <" + target +
                  ">\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: " + id +
                  "\r\nDateTime: 2026-01-01T00:00:00Z\r\nimdn.Disposition-Notification: positive-delivery, display"
                  "\r\n\r\nContent-Type: " +
                  type + "\r\n\r\n" + text,
              true);
}

void TextMessages::SendRequest(const std::string& target, const std::string& id, const std::string& content_type,
                               const std::string& body, bool is_told) {
  const std::string identity = "<sip:" + config_.number + "@" + config_.domain + ">";
  SipMessage request = SipMessage::Request("MESSAGE", target);
  const auto routes = registration_.RouteSet();
  for (const std::string& route : routes) request.Add("Route", route);
  request.Add("Max-Forwards", "70");
  request.Add("From", identity + ";tag=" + transactions_.NewToken(10));
  request.Add("To", "<" + target + ">");
  request.Add("Call-ID", transactions_.NewToken(24));
  request.Add("CSeq", "1 MESSAGE");
  request.Add("P-Preferred-Identity", identity);
  request.SetBody(content_type, body);
  const auto hop = SipUri::Parse("sip:" + config_.pcscf);
  if (!hop) return;
  transactions_.Send(std::move(request), {hop->host, hop->port != 0 ? hop->port : uint16_t{5060}, -1},
                     [this, id, is_told](const SipMessage& response) {
                       if (response.status() < 200 || !is_told) return;
                       emit_({{"event", "message_answered"},
                              {"id", id},
                              {"code", response.status()},
                              {"accept", response.Header("Accept")}});
                     });
}

void TextMessages::ChangePolicy(const json& command) {
  answer_status_ = command.value("status", answer_status_);
  gives_reports_ = command.value("reports", gives_reports_);
  emit_({{"event", "message_policy"}});
}

void TextMessages::Receive(const ServerTransactionPtr& transaction) {
  const SipMessage& request = transaction->request();
  SipMessage response = SipMessage::ResponseTo(request, answer_status_, answer_status_ == 200 ? "OK" : "No");
  response.Set("To", request.Header("To") + ";tag=" + transactions_.NewToken(8));
  transactions_.Respond(transaction, response);
  if (answer_status_ >= 300) return;
  const bool is_cpim = request.Header("Content-Type").starts_with("message/cpim");
  const std::string content = is_cpim ? CpimContent(request.body()) : request.body();
  const std::string type = is_cpim ? CpimHeader(request.body(), "Content-Type") : request.Header("Content-Type");
  const std::string sender = NameAddress::Parse(request.Header("P-Asserted-Identity")).uri;
  if (type.starts_with("message/imdn+xml")) {
    const std::string status = Between(content, "<status><", "/></status>");
    return emit_(
        {{"event", "message_report"}, {"id", Between(content, "<message-id>", "</message-id>")}, {"status", status}});
  }
  json headers = json::array();
  for (const SipMessage::Field& field : request.fields()) headers.push_back(field.name + ": " + field.value);
  emit_({{"event", "message"},
         {"from", sender},
         {"text", content},
         {"content_type", type},
         {"call_id", request.Header("Call-ID")},
         {"headers", headers}});
  const bool is_wanted =
      CpimHeader(request.body(), "imdn.Disposition-Notification").find("positive-delivery") != std::string::npos;
  if (is_cpim && is_wanted && gives_reports_) Report(sender, CpimHeader(request.body(), "imdn.Message-ID"));
}

void TextMessages::Report(const std::string& target, const std::string& message_id) {
  const std::string own = "sip:" + config_.number + "@" + config_.domain;
  SendRequest(
      target, message_id, "message/cpim",
      "From: <" + own + ">\r\nTo: <" + target +
          ">\r\n\r\nContent-Type: message/imdn+xml\r\n"
          "Content-Disposition: notification\r\n\r\n<?xml version=\"1.0\"?><imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">"
          "<message-id>" +
          message_id + "</message-id><datetime>2026-01-01T00:00:00Z</datetime><recipient-uri>" + own +
          "</recipient-uri><delivery-notification><status><delivered/></status></delivery-notification></imdn>",
      false);
}

}  // namespace byon::simphone
