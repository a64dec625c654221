#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/auth/digest.h"
#include "controlplane/registration/sip_registrar.h"
#include "controlplane/sip/events/subscription_state.h"
#include "controlplane/sip/registrations/reginfo_verdict.h"

namespace byon::sip {

// A binding of one of our Contacts at the registrar, between two REGISTERs (TS 24.229 section 5.1.1).
struct Binding {
  registration::SipRegistration wanted;
  std::string call_id;
  std::string from_tag;
  uint32_t cseq = 0;
  size_t hop = 0;  // the P-CSCF, of the shard's list
  std::optional<auth::DigestSession> digest;
  std::string aka_response;  // password of `digest` when an ISIM made it
  std::vector<std::string> path;
  std::vector<std::string> service_route;
  std::vector<std::string> associated_uris;
  std::string gruu;             // RFC 5627; empty: none
  bool is_outbound = false;     // the registrar took reg-id (RFC 5626)
  bool lacks_outbound = false;  // the first hop does not know it
  bool is_registered = false;
  std::optional<SubscriptionState> reg_event;  // to its own state (RFC 3680); without next_send: refused, or under way
  // What its documents have said, since it began.
  Listing listing = Listing::kNever;
  bool is_in_doubt = false;           // a REGISTER will show whether it is still there, unless a document does before
  bool is_subscription_owed = false;  // since a restart: the next REGISTER brings it
  bool was_checked = false;           // so it did, and the documents say the same: they are not asked again

  // What comes next is an initial registration.
  void Reset();
  // A subscription begins whose documents have said nothing yet.
  void BeginRegEvent();
};

// What a successor of this process needs beyond the registration itself. `sequence_number`: of the ISIM, 0: none.
std::string SnapshotOf(const Binding& binding, unsigned shard, uint64_t sequence_number);

struct BindingSnapshot {
  std::string call_id;
  std::string from_tag;
  uint32_t cseq = 0;  // leaves room for requests that came after the snapshot, as the nonce count does
  std::vector<std::string> path;
  std::string gruu;
  bool is_outbound = false;
  std::optional<auth::DigestSession> digest;
  uint64_t sequence_number = 0;
};
// Nothing when it is damaged.
std::optional<BindingSnapshot> ParseBindingSnapshot(std::string_view text);

}  // namespace byon::sip
