#pragma once

#include <functional>
#include <string>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/exchange.h"
#include "controlplane/api/object_reader.h"
#include "controlplane/click_to_call/click_to_call.h"
#include "controlplane/gateway/visitor_service.h"

namespace byon::api {

inline constexpr const char* kReadClickToCall = "byon:click-to-call:read";
inline constexpr const char* kWriteClickToCall = "byon:click-to-call:write";

// /byon/v1/click-to-call: a business's server asks for its visitors' tokens and sees how its campaigns go; a visitor
// sees what its token is for. The calls themselves are webrtc-call-handling's.
class ClickToCallApi {
 public:
  ClickToCallApi(click_to_call::ClickToCall& click_to_call, gateway::VisitorService& visitors, Clock now,
                 std::function<std::string()> new_id)
      : click_to_call_(click_to_call), visitors_(visitors), now_(std::move(now)), new_id_(std::move(new_id)) {}

  void IssueToken(const ExchangePointer& exchange);
  void RevokeToken(const ExchangePointer& exchange);
  void ListCampaigns(const ExchangePointer& exchange);
  void Visit(const ExchangePointer& exchange);

 private:
  click_to_call::ClickToCall& click_to_call_;
  gateway::VisitorService& visitors_;
  const Clock now_;
  const std::function<std::string()> new_id_;
};

// The body of POST /byon/v1/click-to-call/tokens.
click_to_call::TokenRequest ReadTokenRequest(const nlohmann::json& body, Mistakes& mistakes);

}  // namespace byon::api
