#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::presence {

enum class DialogPhase : uint8_t { kTrying, kProceeding, kEarly, kConfirmed, kTerminated };

// One dialog of an application/dialog-info+xml document (RFC 4235 section 4.1); what is not given is empty.
struct DialogEntry {
  std::string id;
  std::string call_id;
  std::string local_tag;
  std::string remote_tag;
  bool is_initiator = false;  // direction="initiator": the entity called
  DialogPhase phase = DialogPhase::kTrying;
  std::string local_uri;
  std::string remote_uri;
  std::string remote_name;
  std::string remote_target;
  bool is_exclusive = false;  // RFC 7463; a shared one may be taken over with Replaces

  bool operator==(const DialogEntry&) const = default;
};

struct DialogInfo {
  uint64_t version = 0;
  bool is_full = true;
  std::string entity;
  std::vector<DialogEntry> dialogs;
};

// Nothing for anything but a well-formed dialog-info document; at most 64 dialogs are taken.
[[nodiscard]] std::optional<DialogInfo> ParseDialogInfo(std::string_view xml);
std::string BuildDialogInfo(const DialogInfo& info);

// Takes a document up in what was known: a full one replaces it, a partial one changes dialogs by
// their id; terminated ones leave (RFC 4235 section 4.3).
void Apply(const DialogInfo& news, std::vector<DialogEntry>& known);

}  // namespace byon::presence
