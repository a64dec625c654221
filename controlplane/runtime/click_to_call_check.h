#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controlplane/click_to_call/campaign.h"
#include "controlplane/runtime/config.h"

namespace byon::runtime {

// The campaigns of a document that has passed the schema.
[[nodiscard]] std::vector<click_to_call::Campaign> ReadCampaigns(const nlohmann::json& list);

struct ClickToCallMistake {
  std::string pointer;  // JSON pointer of the value
  std::string sentence;
};
// What the schema cannot say of them.
[[nodiscard]] std::vector<ClickToCallMistake> CheckClickToCall(const Config& config);

}  // namespace byon::runtime
