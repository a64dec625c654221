#include "controlplane/messaging/imdn.h"

#include "controlplane/xml/xml_scanner.h"

namespace byon::messaging {
namespace {

using xml::XmlScanner;
using Kind = XmlScanner::Kind;

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

std::optional<Imdn> ParseImdn(std::string_view xml) {
  XmlScanner scanner(xml);
  const XmlScanner::Event root = scanner.Next();
  if (root.kind != Kind::kOpen || root.name != "imdn") return std::nullopt;
  Imdn imdn;
  std::optional<Imdn::Status> status;
  std::string text;
  while (true) {
    const XmlScanner::Event event = scanner.Next();
    if (event.kind == Kind::kError) return std::nullopt;
    if (event.kind == Kind::kEnd) break;
    if (event.kind == Kind::kText) text += event.text;
    if (event.kind == Kind::kOpen) {
      text.clear();
      if (event.name == "delivered") status = Imdn::Status::kDelivered;
      if (event.name == "displayed") status = Imdn::Status::kDisplayed;
      if (event.name == "failed" || event.name == "forbidden" || event.name == "error") {
        status = Imdn::Status::kFailed;
      }
    }
    if (event.kind == Kind::kClose) {
      if (event.name == "message-id") imdn.message_id = Trimmed(text);
      if (event.name == "datetime") imdn.date_time = Trimmed(text);
      if (event.name == "recipient-uri") imdn.recipient_uri = Trimmed(text);
    }
  }
  if (!status || imdn.message_id.empty()) return std::nullopt;
  imdn.status = *status;
  return imdn;
}

std::string BuildImdn(const Imdn& imdn) {
  const bool is_display = imdn.status == Imdn::Status::kDisplayed;
  const std::string kind = is_display ? "display-notification" : "delivery-notification";
  const std::string status = is_display                                ? "displayed"
                             : imdn.status == Imdn::Status::kDelivered ? "delivered"
                                                                       : "failed";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n"
         "<message-id>" +
         xml::Escape(imdn.message_id) + "</message-id>\r\n<datetime>" + xml::Escape(imdn.date_time) +
         "</datetime>\r\n<recipient-uri>" + xml::Escape(imdn.recipient_uri) + "</recipient-uri>\r\n<" + kind +
         "><status><" + status + "/></status></" + kind + ">\r\n</imdn>\r\n";
}

}  // namespace byon::messaging
