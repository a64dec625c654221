#include "controlplane/runtime/click_to_call_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "controlplane/call/address.h"

namespace byon::runtime {
namespace {

using click_to_call::Campaign;
using nlohmann::json;

template <typename T>
void Get(const json& object, const char* name, T& target) {
  if (const auto it = object.find(name); it != object.end()) target = it->get<T>();
}
void Get(const json& object, const char* name, std::chrono::seconds& target) {
  if (const auto it = object.find(name); it != object.end()) target = std::chrono::seconds(it->get<int64_t>());
}

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

class Checker {
 public:
  explicit Checker(const Config& config) : config_(config), settings_(config.click_to_call) {}

  std::vector<ClickToCallMistake> Run() {
    if (!settings_.campaigns.empty() && settings_.next_hops.empty()) {
      Add("/click_to_call/campaigns",
          "click_to_call.campaigns need click_to_call.trunk.next_hops, the IP address and port of "
          "the network element that takes their calls.");
    }
    for (size_t i = 0; i < settings_.campaigns.size(); ++i) CheckCampaign(i);
    return std::move(mistakes_);
  }

 private:
  void Add(std::string pointer, std::string sentence) {
    mistakes_.push_back({std::move(pointer), std::move(sentence)});
  }

  void CheckCampaign(size_t index) {
    const Campaign& one = settings_.campaigns[index];
    const std::string pointer = "/click_to_call/campaigns/" + std::to_string(index);
    const std::string key = "click_to_call.campaigns." + std::to_string(index);
    if (!ids_.insert(one.id).second) {
      Add(pointer + "/id", key + ".id is " + Quoted(one.id) + "; another campaign has that id already.");
    }
    if (call::IsEmergencyAddress("tel:" + one.called_number, config_.ims.emergency_numbers)) {
      Add(pointer + "/called_number",
          key + ".called_number is " + Quoted(one.called_number) + "; emergency numbers are not called from here.");
    }
    for (size_t i = 0; i < one.calling_numbers.size(); ++i) {
      const auto begin = one.calling_numbers.begin();
      const auto at = begin + static_cast<std::ptrdiff_t>(i);
      const std::string place = ".calling_numbers." + std::to_string(i) + " is " + Quoted(*at);
      const std::string number_pointer = pointer + "/calling_numbers/" + std::to_string(i);
      if (std::find(begin, at, *at) != at) Add(number_pointer, key + place + "; that number stands in the list twice.");
      if (*at == one.called_number) Add(number_pointer, key + place + "; a number cannot call itself.");
    }
  }

  const Config& config_;
  const ClickToCallSettings& settings_;
  std::set<std::string> ids_;
  std::vector<ClickToCallMistake> mistakes_;
};

}  // namespace

std::vector<Campaign> ReadCampaigns(const json& list) {
  std::vector<Campaign> campaigns;
  for (const json& one : list) {
    Campaign& campaign = campaigns.emplace_back();
    Get(one, "id", campaign.id);
    campaign.name = campaign.id;
    Get(one, "name", campaign.name);
    Get(one, "called_number", campaign.called_number);
    Get(one, "calling_numbers", campaign.calling_numbers);
    Get(one, "hide_calling_number", campaign.hides_calling_number);
    Get(one, "clients", campaign.clients);
    Get(one, "allowed_origins", campaign.allowed_origins);
    Get(one, "max_calls", campaign.max_calls);
    Get(one, "max_calls_per_number", campaign.max_calls_per_number);
    Get(one, "calls_per_minute", campaign.calls_per_minute);
    Get(one, "calls_per_minute_per_address", campaign.calls_per_minute_per_address);
    Get(one, "token_lifetime_s", campaign.token_lifetime);
    Get(one, "calls_per_token", campaign.calls_per_token);
    Get(one, "max_call_s", campaign.max_call);
  }
  return campaigns;
}

std::vector<ClickToCallMistake> CheckClickToCall(const Config& config) { return Checker(config).Run(); }

}  // namespace byon::runtime
