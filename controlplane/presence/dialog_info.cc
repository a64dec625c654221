#include "controlplane/presence/dialog_info.h"

#include <algorithm>
#include <charconv>

#include "controlplane/xml/xml_scanner.h"

namespace byon::presence {
namespace {

using xml::XmlScanner;
using Kind = XmlScanner::Kind;

constexpr size_t kMaxDialogs = 64;

constexpr std::pair<DialogPhase, std::string_view> kPhaseNames[] = {{DialogPhase::kTrying, "trying"},
                                                                    {DialogPhase::kProceeding, "proceeding"},
                                                                    {DialogPhase::kEarly, "early"},
                                                                    {DialogPhase::kConfirmed, "confirmed"},
                                                                    {DialogPhase::kTerminated, "terminated"}};

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

uint64_t NumberOf(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Fills a document from the scanner's events.
class DialogInfoBuilder {
 public:
  explicit DialogInfoBuilder(std::string_view xml) : scanner_(xml) {}

  std::optional<DialogInfo> Build() {
    const XmlScanner::Event root = scanner_.Next();
    if (root.kind != Kind::kOpen || root.name != "dialog-info") return std::nullopt;
    info_.version = NumberOf(root.Attribute("version"));
    info_.is_full = root.Attribute("state") != "partial";
    info_.entity = root.Attribute("entity");
    while (true) {
      const XmlScanner::Event event = scanner_.Next();
      if (event.kind == Kind::kError) return std::nullopt;
      if (event.kind == Kind::kEnd) return std::move(info_);
      if (event.kind == Kind::kOpen) Open(event);
      if (event.kind == Kind::kText) text_ += event.text;
      if (event.kind == Kind::kClose) Close(event.name);
    }
  }

 private:
  void Open(const XmlScanner::Event& event) {
    text_.clear();
    if (event.name == "dialog") {
      is_in_dialog_ = info_.dialogs.size() < kMaxDialogs;
      if (!is_in_dialog_) return;
      DialogEntry entry;
      entry.id = event.Attribute("id");
      entry.call_id = event.Attribute("call-id");
      entry.local_tag = event.Attribute("local-tag");
      entry.remote_tag = event.Attribute("remote-tag");
      entry.is_initiator = event.Attribute("direction") == "initiator";
      info_.dialogs.push_back(std::move(entry));
    } else if (event.name == "local" || event.name == "remote") {
      is_remote_ = event.name == "remote";
    } else if (event.name == "identity" && is_in_dialog_ && is_remote_) {
      info_.dialogs.back().remote_name = event.Attribute("display");
    } else if (event.name == "target" && is_in_dialog_ && is_remote_) {
      info_.dialogs.back().remote_target = event.Attribute("uri");
    }
  }

  void Close(const std::string& name) {
    if (!is_in_dialog_) return;
    DialogEntry& dialog = info_.dialogs.back();
    if (name == "dialog") {
      is_in_dialog_ = false;
    } else if (name == "state") {
      const std::string phase = Trimmed(text_);
      for (const auto& [value, text] : kPhaseNames) {
        if (text == phase) dialog.phase = value;
      }
    } else if (name == "identity") {
      (is_remote_ ? dialog.remote_uri : dialog.local_uri) = Trimmed(text_);
    } else if (name == "exclusive") {
      dialog.is_exclusive = Trimmed(text_) == "true";
    }
  }

  XmlScanner scanner_;
  DialogInfo info_;
  std::string text_;
  bool is_in_dialog_ = false;
  bool is_remote_ = false;
};

std::string Attribute(std::string_view name, const std::string& value) {
  if (value.empty()) return "";
  return " " + std::string(name) + "=\"" + xml::Escape(value) + "\"";
}

std::string Identity(std::string_view side, const std::string& uri, const std::string& name) {
  if (uri.empty()) return "";
  const std::string tag(side);
  return "<" + tag + "><identity" + Attribute("display", name) + ">" + xml::Escape(uri) + "</identity></" + tag +
         ">\r\n";
}

}  // namespace

std::optional<DialogInfo> ParseDialogInfo(std::string_view xml) { return DialogInfoBuilder(xml).Build(); }

std::string BuildDialogInfo(const DialogInfo& info) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
      "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"" +
      std::to_string(info.version) + "\" state=\"" + (info.is_full ? "full" : "partial") + "\"" +
      Attribute("entity", info.entity) + ">\r\n";
  for (const DialogEntry& dialog : info.dialogs) {
    std::string_view phase;
    for (const auto& [value, name] : kPhaseNames) {
      if (value == dialog.phase) phase = name;
    }
    text += "<dialog" + Attribute("id", dialog.id) + Attribute("call-id", dialog.call_id) +
            Attribute("local-tag", dialog.local_tag) + Attribute("remote-tag", dialog.remote_tag) +
            Attribute("direction", dialog.is_initiator ? "initiator" : "recipient") + ">\r\n<state>" +
            std::string(phase) + "</state>\r\n" + Identity("local", dialog.local_uri, "") +
            Identity("remote", dialog.remote_uri, dialog.remote_name) + "</dialog>\r\n";
  }
  return text + "</dialog-info>\r\n";
}

void Apply(const DialogInfo& news, std::vector<DialogEntry>& known) {
  if (news.is_full) known.clear();
  for (const DialogEntry& entry : news.dialogs) {
    std::erase_if(known, [&](const DialogEntry& one) { return one.id == entry.id; });
    const bool is_over = entry.phase == DialogPhase::kTerminated;
    if (!is_over && !entry.id.empty() && known.size() < kMaxDialogs) known.push_back(entry);
  }
}

}  // namespace byon::presence
