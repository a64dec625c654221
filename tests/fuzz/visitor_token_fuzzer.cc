#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/auth/address_ranges.h"
#include "controlplane/click_to_call/click_to_call.h"
#include "controlplane/store/memory_store.h"

// Visitors' tokens, kept records and network addresses: a text that is a token is written back as it was, and no text
// but the one that was given out is good.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::click_to_call;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto token = TokenText::Parse(text);
  if (token && token->ToString() != text) __builtin_trap();
  byon::store::MemoryStore store;
  store.Put(byon::store::Kind::kVisitorToken, "kept", text, std::nullopt);
  Campaign campaign;
  campaign.id = "shop";
  campaign.clients = {"backend"};
  ClickToCall calls({campaign}, "default", "", store);
  const WallTime now = WallTime(std::chrono::hours(500'000));
  calls.Restore(now);
  const auto issued = calls.Issue("backend", {"shop", {}, {}, ""}, "id", "secret", now);
  if (calls.Verify(text, now).ok() && (!issued || text != issued->text) && calls.TokenOf("kept", now) == nullptr)
    __builtin_trap();
  (void)byon::auth::NetworkOf(text);
  return 0;
}
