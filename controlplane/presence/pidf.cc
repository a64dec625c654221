#include "controlplane/presence/pidf.h"

#include <algorithm>

#include "controlplane/xml/xml_scanner.h"

namespace byon::presence {
namespace {

using xml::XmlScanner;
using Kind = XmlScanner::Kind;

constexpr size_t kMaxActivities = 16;
constexpr size_t kMaxNoteBytes = 256;

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Not in the middle of a UTF-8 character.
std::string Shortened(std::string text) {
  if (text.size() <= kMaxNoteBytes) return text;
  size_t end = kMaxNoteBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace

bool Pidf::Has(std::string_view activity) const {
  return std::find(activities.begin(), activities.end(), activity) != activities.end();
}

std::optional<Pidf> ParsePidf(std::string_view xml) {
  XmlScanner scanner(xml);
  const XmlScanner::Event root = scanner.Next();
  if (root.kind != Kind::kOpen || root.name != "presence") return std::nullopt;
  Pidf pidf;
  pidf.entity = root.Attribute("entity");
  std::string text;
  bool is_in_activities = false;
  while (true) {
    const XmlScanner::Event event = scanner.Next();
    if (event.kind == Kind::kError) return std::nullopt;
    if (event.kind == Kind::kEnd) return pidf;
    if (event.kind == Kind::kText) text += event.text;
    if (event.kind == Kind::kOpen) {
      text.clear();
      const bool is_activity = is_in_activities && event.name != "note" && event.name != "other";
      if (is_activity && pidf.activities.size() < kMaxActivities && !pidf.Has(event.name)) {
        pidf.activities.push_back(event.name);
      }
      if (event.name == "activities") is_in_activities = true;
    }
    if (event.kind != Kind::kClose) continue;
    if (event.name == "activities") is_in_activities = false;
    if (event.name == "basic") {
      const bool is_open = Trimmed(text) == "open";
      pidf.is_open = pidf.is_open.value_or(false) || is_open;
    }
    if (event.name == "note" && pidf.note.empty()) pidf.note = Shortened(Trimmed(text));
  }
}

std::string BuildPidf(const Pidf& pidf) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\""
      " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"" +
      xml::Escape(pidf.entity) + "\">\r\n<tuple id=\"byon\"><status><basic>" +
      (pidf.is_open.value_or(false) ? "open" : "closed") + "</basic></status></tuple>\r\n";
  // The order of the data model (RFC 4479): persons come behind the tuples.
  if (!pidf.activities.empty()) {
    text += "<dm:person id=\"user\"><rpid:activities>";
    for (const std::string& activity : pidf.activities) text += "<rpid:" + activity + "/>";
    text += "</rpid:activities></dm:person>\r\n";
  }
  return text + "</presence>\r\n";
}

}  // namespace byon::presence
