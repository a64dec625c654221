#include "controlplane/sip/registrations/reginfo_verdict.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

using registration::SipDeregistered;
using Kind = ReginfoVerdict::Kind;

SipDeregistered::Event EventOf(const std::string& event) {
  using Event = SipDeregistered::Event;
  if (event == "rejected") return Event::kRejected;
  if (event == "deactivated") return Event::kDeactivated;
  if (event == "probation") return Event::kProbation;
  if (event == "expired") return Event::kExpired;
  if (event == "shortened") return Event::kShortened;
  return Event::kUnregistered;
}

bool IsSameUri(const std::string& a, const std::string& b) {
  const auto left = ParseUri(a);
  const auto right = ParseUri(b);
  return left && right && left->scheme == right->scheme && left->user == right->user &&
         EqualsIgnoringCase(left->host, right->host);
}

bool HasToken(const ReginfoContact& contact, const std::string& token) {
  const auto uri = ParseUri(contact.uri);
  return uri && uri->user == token;
}

// Of several that are meant, one that is there: an identity's aliases have a registration each, and one may be taken
// away.
const ReginfoContact* Find(const std::vector<const ReginfoRegistration*>& registrations,
                           const std::function<bool(const ReginfoContact&)>& is_meant) {
  const ReginfoContact* found = nullptr;
  for (const ReginfoRegistration* registration : registrations) {
    for (const ReginfoContact& contact : registration->contacts) {
      if (is_meant(contact) && (found == nullptr || found->is_terminated)) found = &contact;
    }
  }
  return found;
}

ReginfoVerdict Removed(const ReginfoContact& contact, Listing listing) {
  const bool is_shortened = contact.event == "shortened";
  return {.kind = Kind::kRemoved,
          .listing = listing,
          .removed = {.event = EventOf(contact.event),
                      .retry_after = is_shortened ? contact.expires : contact.retry_after}};
}

// A contact that has our URI and is gone.
ReginfoVerdict JudgeGone(const ReginfoContact& contact, const OwnContact& own, Listing before) {
  const bool is_of_ours = !own.call_id.empty() && contact.call_id == own.call_id;
  if (is_of_ours && contact.cseq && *contact.cseq < own.cseq) return {.kind = Kind::kDoubtful, .listing = before};
  // The same contact may have been removed and registered again: then the document tells of the time before.
  const bool may_be_older = before == Listing::kNever && !contact.call_id.empty() && !is_of_ours;
  if (may_be_older) return {.kind = Kind::kDoubtful, .listing = before};
  return Removed(contact, before);
}

}  // namespace

ReginfoVerdict JudgeReginfo(const Reginfo& document, const OwnContact& own, Listing before) {
  std::vector<const ReginfoRegistration*> all;
  std::vector<const ReginfoRegistration*> ours;
  for (const ReginfoRegistration& registration : document.registrations) {
    all.push_back(&registration);
    if (IsSameUri(registration.aor, own.aor)) ours.push_back(&registration);
  }
  // What an alias lost says nothing where the identity itself is in the document.
  const auto& looked_at = ours.empty() ? all : ours;
  if (const ReginfoContact* contact =
          Find(looked_at, [&](const ReginfoContact& one) { return HasToken(one, own.token); })) {
    if (contact->event == "shortened") return Removed(*contact, Listing::kByUri);
    if (!contact->is_terminated) return {.kind = Kind::kListed, .listing = Listing::kByUri};
    // Of an alias alone.
    if (ours.empty() && !document.is_full && before != Listing::kNever)
      return {.kind = Kind::kDoubtful, .listing = before};
    return JudgeGone(*contact, own, before);
  }
  const auto is_same_device = [&](const ReginfoContact& one) {
    return !one.instance_id.empty() && one.instance_id == own.instance_id;
  };
  if (const ReginfoContact* contact = Find(looked_at, is_same_device);
      contact != nullptr && before != Listing::kByUri) {
    if (contact->event == "shortened" && before == Listing::kByInstance) return Removed(*contact, before);
    if (!contact->is_terminated) return {.kind = Kind::kListed, .listing = Listing::kByInstance};
    // An earlier registration of the device had the same instance id.
    return before == Listing::kByInstance ? Removed(*contact, before)
                                          : ReginfoVerdict{.kind = Kind::kDoubtful, .listing = before};
  }
  const bool is_identity_gone = std::any_of(
      ours.begin(), ours.end(), [](const auto* one) { return one->is_terminated && one->contacts.empty(); });
  if (is_identity_gone && before != Listing::kNever) {
    return {.kind = Kind::kRemoved,
            .listing = before,
            .removed = {.event = SipDeregistered::Event::kUnregistered, .retry_after = {}}};
  }
  if (document.is_full || is_identity_gone) return {.kind = Kind::kDoubtful, .listing = before};
  return {.kind = Kind::kNothing, .listing = before};
}

}  // namespace byon::sip
