#include "controlplane/sip/calls/forwarded_call.h"

#include <algorithm>

#include "controlplane/sip/shard_context.h"
#include "controlplane/sip/text/diversion.h"
#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxAsserted = 2;  // RFC 3325 section 9.1: a sip(s): and a tel: URI
constexpr size_t kMaxPrivacyBytes = 64;

bool IsPrivacyValue(const std::string& value) {
  return value.size() <= kMaxPrivacyBytes && std::all_of(value.begin(), value.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ';' || c == '-' || c == ' ';
         });
}

bool IsWithheld(const call::CallerIdentity& caller) {
  return caller.privacy.empty() ? caller.from_uri.empty() : !EqualsIgnoringCase(caller.privacy, "none");
}

}  // namespace

call::CallerIdentity ReadCaller(const MessageView& request) {
  call::CallerIdentity caller;
  if (auto from = ParseNameAddr(request.from()); from && IsSafeUri(from->uri)) {
    caller.from_uri = std::move(from->uri);
    if (IsSafeText(from->display_name)) caller.display_name = std::move(from->display_name);
  }
  for (const std::string& value : request.Headers("P-Asserted-Identity")) {
    auto asserted = ParseNameAddr(value);
    const bool is_good = asserted && IsSafeUri(asserted->uri);
    if (is_good && caller.asserted_uris.size() < kMaxAsserted) {
      caller.asserted_uris.push_back(std::move(asserted->uri));
    }
  }
  for (const std::string& value : request.Headers("Privacy")) {
    // What cannot be read is not made public.
    const std::string item = IsPrivacyValue(value) ? value : "id";
    if (!item.empty()) caller.privacy += (caller.privacy.empty() ? "" : ";") + item;
  }
  return caller;
}

std::string ForwardedFrom(const call::CallerIdentity& caller) {
  if (IsWithheld(caller)) return "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
  const std::string name = caller.display_name.empty() ? "" : QuoteDisplayName(caller.display_name) + " ";
  return name + "<" + caller.from_uri + ">";
}

void AddForwardedHeaders(std::string& headers, const call::ForwardedCall& forwarded, const std::string& target_uri,
                         bool is_trusted) {
  const call::CallerIdentity& caller = forwarded.caller;
  if (is_trusted) {
    std::string asserted;
    for (const std::string& uri : caller.asserted_uris) asserted += (asserted.empty() ? "<" : ", <") + uri + ">";
    AddHeader(headers, "P-Asserted-Identity", asserted);
  }
  AddHeader(headers, "Privacy", caller.privacy.empty() && IsWithheld(caller) ? "id" : caller.privacy);
  if (forwarded.is_psap_callback) AddHeader(headers, "Priority", "psap-callback");  // RFC 7090
  if (forwarded.policy.diversion == call::DiversionHeader::kNone) return;
  std::vector<call::Diversion> diversions = forwarded.diversions;
  diversions.push_back({forwarded.called_uri, call::Diversion::Reason::kUnconditional});
  const bool is_history = forwarded.policy.diversion == call::DiversionHeader::kHistoryInfo;
  for (const std::string& value :
       is_history ? FormatHistoryInfo(diversions, target_uri) : FormatDiversion(diversions)) {
    AddHeader(headers, is_history ? "History-Info" : "Diversion", value);
  }
}

}  // namespace byon::sip
