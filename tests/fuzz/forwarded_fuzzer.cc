#include <cstdlib>
#include <string>

#include "controlplane/http/forwarding.h"

// Whatever stands before it, what the trusted proxy adds in its own line decides or nobody does.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::http;
  static const ProxyTrust kTrust = [] {
    ProxyTrust trust;
    if (!trust.proxies.Add("192.0.2.1")) std::abort();
    return trust;
  }();
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const bool uses_forwarded : {false, true}) {
    ProxyTrust trust = kTrust;
    trust.uses_forwarded = uses_forwarded;
    const auto client_of = [&trust](const std::string& forwarded, const std::string& list) {
      return ClientOf(
                 trust, "192.0.2.1",
                 {.forwarded = forwarded, .x_forwarded_for = list, .x_forwarded_proto = list, .x_forwarded_host = list})
          .address;
    };
    if (!byon::auth::NetworkAddress::Parse(client_of(text, text))) std::abort();
    const std::string told = client_of(text + ", for=203.0.113.7", text + ", 203.0.113.7");
    if (told != "203.0.113.7" && told != "192.0.2.1") std::abort();
  }
  return 0;
}
