#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"
#include "controlplane/auth/jwk_set.h"
#include "controlplane/auth/signature.h"

namespace byon::auth {
namespace {

using nlohmann::json;

std::optional<json> Load(const std::string& name) {
  const std::filesystem::path path =
      std::filesystem::path(BYON_SOURCE_ROOT) / "../shared/corpora/wycheproof/testvectors_v1" / name;
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return json::parse(file);
}

// Verifies as the gateway does: the algorithm of the header, which the key must be for.
bool Accepts(const JwkSet& keys, const std::string& jws) {
  const size_t first = jws.find('.');
  const size_t second = jws.find('.', first == jws.npos ? first : first + 1);
  if (second == jws.npos || jws.find('.', second + 1) != jws.npos) return false;
  const auto header_text = DecodeBase64Url(jws.substr(0, first));
  const auto payload = DecodeBase64Url(jws.substr(first + 1, second - first - 1));
  const auto signature = DecodeBase64Url(jws.substr(second + 1));
  if (!header_text || !payload || !signature) return false;
  const json header = json::parse(*header_text, nullptr, false);
  if (!header.is_object() || !header.contains("alg") || !header["alg"].is_string()) return false;
  const auto algorithm = ParseAlgorithm(header["alg"].get<std::string>());
  if (!algorithm) return false;
  std::optional<std::string> kid;
  if (header.contains("kid")) {
    if (!header["kid"].is_string()) return false;
    kid = header["kid"].get<std::string>();
  }
  evp_pkey_st* key = keys.Find(*algorithm, kid);
  return key != nullptr && VerifySignature(*algorithm, key, jws.substr(0, second), *signature);
}

// Our algorithms; valid vectors of others must be refused like any other algorithm.
bool IsOurs(const json& jwk, const std::string& jws) {
  const auto header_text = DecodeBase64Url(jws.substr(0, jws.find('.')));
  if (!header_text) return false;
  const json header = json::parse(*header_text, nullptr, false);
  const std::string algorithm = header.is_object() ? header.value("alg", "") : "";
  if (!ParseAlgorithm(algorithm)) return false;
  if (jwk.value("kty", "") == "EC" && jwk.value("crv", "") != "P-256") return false;
  return true;
}

TEST(WycheproofTest, JsonWebSignatures) {
  const auto vectors = Load("json_web_signature_test.json");
  if (!vectors) GTEST_SKIP() << "shared/corpora/wycheproof is not beside the checkout";
  int checked = 0;
  int accepted = 0;
  for (const json& group : (*vectors)["testGroups"]) {
    const json& jwk = group.contains("public") ? group["public"] : group["private"];
    const auto keys = JwkSet::Parse(json{{"keys", json::array({jwk})}}.dump());
    for (const json& test : group["tests"]) {
      const std::string jws = test["jws"].is_string() ? test["jws"].get<std::string>() : test["jws"].dump();
      const bool is_valid = test["result"] == "valid" && IsOurs(jwk, jws);
      // A key may be unusable by our own rules (1024 bits, e = 3); then nothing may pass.
      const bool has_key = keys && keys->size() == 1;
      EXPECT_EQ(keys && Accepts(*keys, jws), is_valid && has_key)
          << test["tcId"] << " " << test["comment"] << " " << jws.substr(0, 80);
      ++checked;
      accepted += is_valid && has_key ? 1 : 0;
    }
  }
  EXPECT_EQ(checked, 401);
  EXPECT_GE(accepted, 10);
}

TEST(WycheproofTest, P256SignaturesOfFixedLength) {
  const auto vectors = Load("ecdsa_secp256r1_sha256_p1363_test.json");
  if (!vectors) GTEST_SKIP() << "shared/corpora/wycheproof is not beside the checkout";
  const auto from_hex = [](const std::string& hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  };
  int checked = 0;
  for (const json& group : (*vectors)["testGroups"]) {
    const std::string point = from_hex(group["publicKey"]["uncompressed"]);
    const json jwk{{"kty", "EC"},
                   {"crv", "P-256"},
                   {"x", EncodeBase64Url(point.substr(1, 32))},
                   {"y", EncodeBase64Url(point.substr(33, 32))}};
    const auto keys = JwkSet::Parse(json{{"keys", json::array({jwk})}}.dump());
    ASSERT_EQ(keys->size(), 1u);
    for (const json& test : group["tests"]) {
      const bool is_good = VerifySignature(Algorithm::kEs256, keys->Find(Algorithm::kEs256, std::nullopt),
                                           from_hex(test["msg"]), from_hex(test["sig"]));
      EXPECT_EQ(is_good, test["result"] == "valid") << test["tcId"] << " " << test["comment"];
      ++checked;
    }
  }
  EXPECT_GT(checked, 200);
}

// RFC 8037 appendix A.4: Ed25519, the essential vector kept here.
TEST(SignatureVectorTest, Ed25519OfRfc8037) {
  const auto keys =
      JwkSet::Parse(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  ASSERT_EQ(keys->size(), 1u);
  const std::string jws =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  EXPECT_TRUE(Accepts(*keys, jws));
  EXPECT_FALSE(Accepts(*keys, jws.substr(0, jws.size() - 4) + "0KAA"));
}

// RFC 7515 appendix A.3: ES256.
TEST(SignatureVectorTest, Es256OfRfc7515) {
  const auto keys = JwkSet::Parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  ASSERT_EQ(keys->size(), 1u);
  const std::string jws =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  EXPECT_TRUE(Accepts(*keys, jws));
}

}  // namespace
}  // namespace byon::auth
