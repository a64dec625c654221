#include "controlplane/web_sip/invite_body.h"

#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/sip/text/multipart.h"

namespace byon::web_sip {
namespace {

constexpr char kAccepted[] = "application/sdp, multipart/mixed, application/pidf+xml";

bool IsOffer(const sip::BodyPart& part) {
  return part.type == "application/sdp" && part.disposition == "session" && part.is_readable;
}
bool IsLocation(const sip::BodyPart& part) { return part.type == emergency::kPidfLoType && part.is_readable; }
bool IsUnderstood(const sip::BodyPart& part) { return IsOffer(part) || IsLocation(part); }

}  // namespace

std::variant<InviteBody, Rejection> ReadInviteBody(const SipMessage& invite) {
  InviteBody found;
  // The gateway answers browsers, it does not make the first offer (TS 24.371: ICE and DTLS are the client's).
  const Rejection no_offer{488, Counter::kBadBody, {}};
  const Rejection unsupported{415, Counter::kBadBody, {{"Accept", kAccepted}}};
  if (invite.body().empty()) return no_offer;
  if (invite.ContentType() == "application/sdp") return InviteBody{invite.body(), {}};
  if (!invite.ContentType().starts_with("multipart/")) return unsupported;
  const auto parts = sip::SplitMultipart(invite.Text("Content-Type"), invite.body(), &IsUnderstood);
  if (!parts) return Rejection{400, Counter::kBadBody, {}};
  std::string document;
  for (const sip::BodyPart& part : *parts) {
    if (IsOffer(part)) {
      if (found.offer.empty()) found.offer = part.content;
    } else if (IsLocation(part)) {
      if (document.empty()) document = part.content;
    } else if (part.is_required) {
      return unsupported;
    }
  }
  if (found.offer.empty()) return no_offer;
  if (document.empty()) return found;
  auto location = emergency::ReadPidfLo(document);
  if (!location)
    return Rejection{424, Counter::kBadBody, {{"Geolocation-Error", "100;code=\"Cannot Process Location\""}}};
  found.location = std::move(*location);
  return found;
}

}  // namespace byon::web_sip
