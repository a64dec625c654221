// What the network tells of a call besides how it goes: who has it, under which names it is on record, and where it was
// sent on to.
#include "controlplane/sip/calls/outgoing_call.h"
#include "controlplane/sip/text/diversion.h"

namespace byon::sip {

using call::CallId;
using call::SipSignalingObserver;

namespace {

constexpr size_t kMaxAssertedBytes = 256;

}  // namespace

// TS 24.229 section 5.1.2A.1.1: a response may assert that an emergency service has the call.
void OutgoingCall::TellAsserted(const MessageView& response) {
  if (invite_.emergency || invite_.uses_trunk) return;
  for (const std::string& value : response.Headers("P-Asserted-Identity")) {
    const auto asserted = ParseNameAddr(value);
    const bool is_usable = asserted && asserted->uri.size() <= kMaxAssertedBytes &&
                           (IsSafeUri(asserted->uri) || IsServiceUrn(asserted->uri));
    if (!is_usable || asserted->uri == asserted_) continue;
    asserted_ = asserted->uri;
    Notify([uri = asserted_](SipSignalingObserver& observer, const CallId& id) { observer.OnAsserted(id, uri); });
  }
}

void OutgoingCall::TellNames(const std::string& charging_id) {
  std::pair names(sip_call_id_, charging_id);
  if (names == names_) return;
  names_ = std::move(names);
  Notify([names = names_](SipSignalingObserver& observer, const CallId& id) {
    observer.OnNamed(id, names.first, names.second);
  });
}

// An application server has sent the call on (RFC 7044), or whoever was called wants it elsewhere (a redirection ends
// the call here, but the caller may be told where to).
void OutgoingCall::TellDiverted(int status, const MessageView& response) {
  if (invite_.uses_trunk) return;  // where a business sends its callers on is none of theirs
  const auto history = response.Headers("History-Info");
  std::pair diverted(ReadDiversions(history, {}), ReadDivertedTo(history));
  const std::string contact = status == 301 || status == 302 ? response.contact_uri() : std::string();
  if (IsSafeUri(contact)) diverted.second = contact;
  const bool is_news = !diverted.first.empty() || !diverted.second.empty();
  if (!is_news || diverted == diverted_) return;
  diverted_ = std::move(diverted);
  Notify([diverted = diverted_](SipSignalingObserver& observer, const CallId& id) {
    observer.OnDiverted(id, diverted.first, diverted.second);
  });
}

}  // namespace byon::sip
