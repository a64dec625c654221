#include "controlplane/sip/text/dialog_state.h"

#include "controlplane/sip/text/field_text.h"

namespace byon::sip {
namespace {

constexpr std::string_view kKind = "byon-sip-dialog 1";
constexpr uint32_t kCseqLeap = 1000;
constexpr uint32_t kMaxCseq = 0x7fffffff;  // RFC 3261 section 8.1.1.5

}  // namespace

std::string SerializeDialog(const DialogState& state) {
  FieldWriter writer(kKind);
  writer.Add("shard", state.shard);
  writer.Add("call_id", state.call_id);
  writer.Add("local_tag", state.local_tag);
  writer.Add("remote_tag", state.remote_tag);
  writer.Add("local_address", state.local_address);
  writer.Add("remote_address", state.remote_address);
  writer.Add("local_cseq", state.local_cseq);
  writer.Add("remote_cseq", state.remote_cseq);
  for (const std::string& route : state.route_set) writer.Add("route", route);
  writer.Add("remote_target", state.remote_target);
  writer.Add("contact", state.contact);
  writer.Add("next_hop", state.next_hop);
  writer.Add("impi", state.impi);
  writer.Add("session_id", state.session_id);
  writer.Add("remote_session_id", state.remote_session_id);
  writer.Add("owns_call_id", uint64_t{state.owns_call_id});
  writer.Add("peer_allows_update", uint64_t{state.peer_allows_update});
  writer.Add("peer_supports_timer", uint64_t{state.peer_supports_timer});
  writer.Add("timer_s", static_cast<uint64_t>(state.timer.interval.count()));
  writer.Add("we_refresh", uint64_t{state.timer.we_refresh});
  writer.Add("local_sdp", state.local_sdp);
  writer.Add("remote_sdp", state.remote_sdp);
  return writer.Take();
}

std::optional<DialogState> ParseDialog(std::string_view snapshot) {
  auto reader = FieldReader::Parse(kKind, snapshot);
  if (!reader) return std::nullopt;
  DialogState state;
  state.shard = static_cast<unsigned>(reader->Number("shard", 65535));
  state.call_id = reader->Text("call_id");
  state.local_tag = reader->Text("local_tag");
  state.remote_tag = reader->Text("remote_tag");
  state.local_address = reader->Text("local_address");
  state.remote_address = reader->Text("remote_address");
  state.local_cseq = static_cast<uint32_t>(reader->Number("local_cseq", kMaxCseq - kCseqLeap)) + kCseqLeap;
  state.remote_cseq = static_cast<uint32_t>(reader->Number("remote_cseq", 0xffffffff));
  state.route_set = reader->All("route");
  state.remote_target = reader->Text("remote_target");
  state.contact = reader->Text("contact");
  state.next_hop = reader->Text("next_hop");
  state.impi = reader->Text("impi");
  // Snapshots of a version that did not know it have none.
  const auto optional = [&](const char* name) {
    const auto values = reader->All(name);
    return values.empty() ? std::string() : values.front();
  };
  state.session_id = optional("session_id");
  state.remote_session_id = optional("remote_session_id");
  state.owns_call_id = reader->Number("owns_call_id", 1) == 1;
  state.peer_allows_update = reader->Number("peer_allows_update", 1) == 1;
  state.peer_supports_timer = reader->Number("peer_supports_timer", 1) == 1;
  state.timer.interval = std::chrono::seconds(reader->Number("timer_s", 0x7fffffff));
  state.timer.we_refresh = reader->Number("we_refresh", 1) == 1;
  state.local_sdp = reader->Text("local_sdp");
  state.remote_sdp = reader->Text("remote_sdp");
  const bool is_complete = reader->ok() && !state.call_id.empty() && !state.local_tag.empty() &&
                           !state.remote_tag.empty() && !state.remote_target.empty();
  if (!is_complete) return std::nullopt;
  return state;
}

}  // namespace byon::sip
