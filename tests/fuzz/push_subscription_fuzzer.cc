#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "controlplane/json/strict_json.h"
#include "controlplane/push/subscription.h"

// What a client says of where it is woken: what is taken is kept as it is, and only ever leads to an https host.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::push;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto origin = OriginOf(text)) {
    if (OriginOf(*origin) != origin || origin->find_first_of("@/?#\r\n ", 8) != std::string::npos) __builtin_trap();
    if (IsAllowedHost(text, {"push.example"}) && !origin->starts_with("https://push.example")) __builtin_trap();
  }
  const auto body = byon::json::ParseStrict(text);
  if (!body) return 0;
  const auto read = ReadSubscription(*body);
  const auto* subscription = std::get_if<Subscription>(&read);
  if (subscription == nullptr) {
    if (std::get<SubscriptionMistake>(read).sentence.empty()) __builtin_trap();
    return 0;
  }
  const std::string kept = ToText(*subscription);
  const auto again = ParseSubscription(kept);
  if (!again || ToText(*again) != kept) __builtin_trap();
  return 0;
}
