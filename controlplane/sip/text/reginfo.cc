#include "controlplane/sip/text/reginfo.h"

#include "controlplane/sip/text/header_text.h"
#include "controlplane/xml/xml_scanner.h"

namespace byon::sip {
namespace {

using xml::XmlScanner;
using Kind = XmlScanner::Kind;

std::optional<std::chrono::seconds> Seconds(const std::string& text) {
  const auto value = ParseNumber(text, 0x7fffffff);
  if (!value) return std::nullopt;
  return std::chrono::seconds(*value);
}

std::optional<uint32_t> SequenceNumber(const std::string& text) {
  const auto value = ParseNumber(text, UINT32_MAX);
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

std::string Trimmed(std::string text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  size_t start = 0;
  while (start < text.size() && is_blank(text[start])) ++start;
  return text.substr(start);
}

// "<urn:uuid:...>" with or without quotes and brackets.
std::string BareInstance(std::string text) {
  std::string result;
  for (char c : Trimmed(std::move(text))) {
    if (c != '"' && c != '<' && c != '>') result += c;
  }
  return result;
}

bool IsOfPhone(const std::string& parameter, const std::string& value) {
  if (EqualsIgnoringCase(parameter, "audio")) return true;
  return EqualsIgnoringCase(parameter, "+g.3gpp.icsi-ref") && value.find("ims.icsi.mmtel") != std::string::npos;
}

// Fills a document from the scanner's events; knows where it stands by the names of open elements.
class ReginfoBuilder {
 public:
  explicit ReginfoBuilder(std::string_view xml) : scanner_(xml) {}

  std::optional<Reginfo> Build() {
    XmlScanner::Event root = scanner_.Next();
    if (root.kind != Kind::kOpen || root.name != "reginfo") return std::nullopt;
    document_.version = ParseNumber(root.Attribute("version"), UINT32_MAX).value_or(0);
    document_.is_full = root.Attribute("state") != "partial";
    while (true) {
      const XmlScanner::Event event = scanner_.Next();
      if (event.kind == Kind::kError) return std::nullopt;
      if (event.kind == Kind::kEnd) return std::move(document_);
      if (event.kind == Kind::kOpen) Open(event);
      if (event.kind == Kind::kText) text_ += event.text;
      if (event.kind == Kind::kClose) Close(event);
    }
  }

 private:
  void Open(const XmlScanner::Event& event) {
    text_.clear();
    if (event.name == "registration") {
      document_.registrations.push_back(
          {.aor = event.Attribute("aor"), .is_terminated = event.Attribute("state") == "terminated", .contacts = {}});
      is_in_contact_ = false;
    } else if (event.name == "contact" && !document_.registrations.empty()) {
      document_.registrations.back().contacts.push_back({.uri = {},
                                                         .instance_id = {},
                                                         .gruu = {},
                                                         .is_phone = false,
                                                         .is_terminated = event.Attribute("state") == "terminated",
                                                         .event = event.Attribute("event"),
                                                         .expires = Seconds(event.Attribute("expires")),
                                                         .retry_after = Seconds(event.Attribute("retry-after")),
                                                         .call_id = event.Attribute("callid"),
                                                         .cseq = SequenceNumber(event.Attribute("cseq"))});
      is_in_contact_ = true;
    } else if (event.name == "unknown-param") {
      parameter_ = event.Attribute("name");
    } else if (event.name == "pub-gruu" && is_in_contact_) {
      document_.registrations.back().contacts.back().gruu = Trimmed(event.Attribute("uri"));
    }
  }
  void Close(const XmlScanner::Event& event) {
    if (event.name == "contact") is_in_contact_ = false;
    if (!is_in_contact_) return;
    ReginfoContact& contact = document_.registrations.back().contacts.back();
    if (event.name == "uri") contact.uri = Trimmed(text_);
    if (event.name == "unknown-param" && EqualsIgnoringCase(parameter_, "+sip.instance")) {
      contact.instance_id = BareInstance(text_);
    }
    if (event.name == "unknown-param" && IsOfPhone(parameter_, text_)) contact.is_phone = true;
  }

  XmlScanner scanner_;
  Reginfo document_;
  std::string text_;
  std::string parameter_;
  bool is_in_contact_ = false;
};

}  // namespace

std::optional<Reginfo> ParseReginfo(std::string_view xml) { return ReginfoBuilder(xml).Build(); }

std::string FirstElementText(std::string_view xml, std::string_view element) {
  XmlScanner scanner(xml);
  std::string text;
  bool is_inside = false;
  while (true) {
    const XmlScanner::Event event = scanner.Next();
    if (event.kind == Kind::kError || event.kind == Kind::kEnd) return {};
    if (event.kind == Kind::kOpen && event.name == element) is_inside = true;
    if (event.kind == Kind::kText && is_inside) text += event.text;
    if (event.kind == Kind::kClose && event.name == element) return Trimmed(text);
  }
}

}  // namespace byon::sip
