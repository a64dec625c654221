#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace byon::click_to_call {

// What a business lets the visitors of its web pages do: call one number, in the name of one of its own. Validated at
// start; see config/controlplane.yaml for what each value means to an operator.
struct Campaign {
  std::string id;
  std::string name;                          // shown to visitors
  std::string called_number;                 // +E.164
  std::vector<std::string> calling_numbers;  // the pool, +E.164
  bool hides_calling_number = false;
  std::vector<std::string> clients;          // OAuth clients of the business: who may ask for its tokens
  std::vector<std::string> allowed_origins;  // of the pages it may be called from; empty: any
  uint32_t max_calls = 10;                   // at a time
  uint32_t max_calls_per_number = 1;         // of the pool, at a time
  uint32_t calls_per_minute = 60;
  uint32_t calls_per_minute_per_address = 5;  // of one visitor's network address; 0: no bound
  std::chrono::seconds token_lifetime{300};   // in which a call must begin
  uint32_t calls_per_token = 3;               // at most
  std::chrono::seconds max_call{3600};
};

// How a call of a visitor stands among the registrations, which it has none of.
inline std::string RegistrationIdOf(const Campaign& campaign) { return "click-to-call:" + campaign.id; }

}  // namespace byon::click_to_call
