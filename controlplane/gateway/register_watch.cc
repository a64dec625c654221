#include "controlplane/gateway/register_watch.h"

#include <string_view>

namespace byon::gateway {
namespace {

// TS 24.229 sections 5.1.1.2 and 5.1.1.4; empty: it may pass by itself.
std::string_view WhatToChange(int status) {
  switch (status) {
    case 305: return "the P-CSCF sends its users to another one: ims.next_hops or ims.core_domain names the wrong one";
    case 421:
    case 494:
      return "the P-CSCF asks for a security agreement (RFC 3329), which is not offered: a tunnel or TLS it has to "
             "take "
             "instead, or another ims.profile";
    default: return "";
  }
}

}  // namespace

void RegisterWatch::OnRegisterFailed(const registration::RegistrationId& id, registration::SipRegisterFailure failure) {
  const std::string_view what = WhatToChange(failure.status_code);
  if (!what.empty()) {
    const auto now = clock_.Read().steady;
    const auto [said, is_first] = said_.try_emplace(failure.status_code);
    Said& last = said->second;
    if (is_first || now - last.at >= kInterval) {
      std::string text = "SIP " + std::to_string(failure.status_code) + " to REGISTER: " + std::string(what);
      if (last.since > 0) text += " (" + std::to_string(last.since) + " more since it was said last)";
      last = {now, 0};
      say_(text);
    } else {
      ++last.since;
    }
  }
  next_.OnRegisterFailed(id, std::move(failure));
}

}  // namespace byon::gateway
