#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/auth/token_verifier.h"
#include "controlplane/auth/unproved_claims.h"

// Access tokens, key sets and introspection answers from strangers.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TokenPolicy policy;
  policy.issuers = {"i"};
  policy.audiences = {"a"};
  const auto keys = JwkSet::Parse(text);
  const auto jwt = ParseJwt(policy, text);
  if (jwt) (void)VerifyJwt(policy, *jwt, keys ? *keys : JwkSet(), WallTime());
  (void)VerifyIntrospection(policy, "i", text, WallTime());
  if (const auto claims = UnprovedClaims::Read(text)) (void)claims->Number("phone_number");
  return 0;
}
