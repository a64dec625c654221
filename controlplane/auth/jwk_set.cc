#include "controlplane/auth/jwk_set.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"
#include "controlplane/json/strict_json.h"

namespace byon::auth {
namespace {

constexpr int kMinRsaBits = 2048;  // RFC 7518 section 3.3
constexpr int kMaxRsaBits = 8192;  // dearer keys are an attack on our CPU
constexpr unsigned kMinExponent = 65537;

struct FreeBuild {
  void operator()(OSSL_PARAM_BLD* build) const { OSSL_PARAM_BLD_free(build); }
};
struct FreeParams {
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;
using KeyPointer = std::shared_ptr<evp_pkey_st>;

std::optional<std::string> TextOf(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<std::string> BytesOf(const nlohmann::json& object, const char* name) {
  const std::optional<std::string> text = TextOf(object, name);
  return text ? DecodeBase64Url(*text) : std::nullopt;
}

Number NumberOf(const std::string& bytes) {
  return Number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
}

KeyPointer MakeKey(const char* type, OSSL_PARAM_BLD* build) {
  const std::unique_ptr<OSSL_PARAM, FreeParams> params(OSSL_PARAM_BLD_to_param(build));
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* raw = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return KeyPointer(raw, EVP_PKEY_free);
}

KeyPointer MakeRsa(const nlohmann::json& jwk) {
  const auto n_bytes = BytesOf(jwk, "n");
  const auto e_bytes = BytesOf(jwk, "e");
  if (!n_bytes || !e_bytes || n_bytes->size() > kMaxRsaBits / 8 || e_bytes->size() > 8) return nullptr;
  const Number n = NumberOf(*n_bytes);
  const Number e = NumberOf(*e_bytes);
  if (BN_num_bits(n.get()) < kMinRsaBits || !BN_is_odd(n.get())) return nullptr;
  if (!BN_is_odd(e.get()) || BN_get_word(e.get()) < kMinExponent) return nullptr;
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuild> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return MakeKey("RSA", build.get());
}

KeyPointer MakeP256(const nlohmann::json& jwk) {
  const auto x = BytesOf(jwk, "x");
  const auto y = BytesOf(jwk, "y");
  if (TextOf(jwk, "crv") != "P-256" || !x || !y || x->size() != 32 || y->size() != 32) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuild> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  KeyPointer key = MakeKey("EC", build.get());
  if (!key) return nullptr;
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return EVP_PKEY_public_check(context.get()) == 1 ? key : nullptr;
}

KeyPointer MakeEd25519(const nlohmann::json& jwk) {
  const auto x = BytesOf(jwk, "x");
  if (TextOf(jwk, "crv") != "Ed25519" || !x || x->size() != 32) return nullptr;
  EVP_PKEY* raw = EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr,
                                                 reinterpret_cast<const unsigned char*>(x->data()), 32);
  return raw == nullptr ? nullptr : KeyPointer(raw, EVP_PKEY_free);
}

bool IsForVerifying(const nlohmann::json& jwk) {
  if (jwk.contains("use") && TextOf(jwk, "use") != "sig") return false;
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return true;
  if (!operations->is_array()) return false;
  return std::find(operations->begin(), operations->end(), "verify") != operations->end();
}

}  // namespace

class JwkReader {
 public:
  static std::optional<JwkSet::Key> Read(const nlohmann::json& jwk) {
    if (!jwk.is_object() || !IsForVerifying(jwk)) return std::nullopt;
    JwkSet::Key key;
    const std::string type = TextOf(jwk, "kty").value_or("");
    if (type == "RSA") {
      key.algorithms = {Algorithm::kRs256, Algorithm::kPs256};
      key.key = MakeRsa(jwk);
    } else if (type == "EC") {
      key.algorithms = {Algorithm::kEs256};
      key.key = MakeP256(jwk);
    } else if (type == "OKP") {
      key.algorithms = {Algorithm::kEdDsa};
      key.key = MakeEd25519(jwk);
    }
    ERR_clear_error();
    if (!key.key) return std::nullopt;
    if (jwk.contains("alg")) {
      // A key that says what it is for is for nothing else (RFC 8725 section 3.1).
      const auto named = ParseAlgorithm(TextOf(jwk, "alg").value_or(""));
      if (!named || std::find(key.algorithms.begin(), key.algorithms.end(), *named) == key.algorithms.end()) {
        return std::nullopt;
      }
      key.algorithms = {*named};
    }
    if (jwk.contains("kid")) {
      key.kid = TextOf(jwk, "kid");
      if (!key.kid) return std::nullopt;
    }
    return key;
  }

  static JwkSet ReadAll(const nlohmann::json& list) {
    JwkSet set;
    std::map<std::string, int> seen;
    for (const nlohmann::json& jwk : list) {
      if (jwk.is_object()) {
        if (const auto kid = TextOf(jwk, "kid")) ++seen[*kid];
      }
      std::optional<JwkSet::Key> key = set.keys_.size() < JwkSet::kMaxKeys ? Read(jwk) : std::nullopt;
      if (key) {
        set.keys_.push_back(std::move(*key));
      } else {
        ++set.skipped_;
      }
    }
    set.skipped_ += std::erase_if(set.keys_, [&seen](const JwkSet::Key& key) { return key.kid && seen[*key.kid] > 1; });
    return set;
  }
};

std::optional<JwkSet> JwkSet::Parse(std::string_view text) {
  const auto parsed = json::ParseStrict(text, {.max_bytes = kMaxBytes, .max_depth = 8, .max_values = 200'000});
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto list = parsed->find("keys");
  if (list == parsed->end() || !list->is_array()) return std::nullopt;
  return JwkReader::ReadAll(*list);
}

evp_pkey_st* JwkSet::Find(Algorithm algorithm, const std::optional<std::string>& kid) const {
  evp_pkey_st* found = nullptr;
  for (const Key& key : keys_) {
    if (std::find(key.algorithms.begin(), key.algorithms.end(), algorithm) == key.algorithms.end()) continue;
    if (kid && key.kid != kid) continue;
    if (found != nullptr) return nullptr;  // ambiguous
    found = key.key.get();
  }
  return found;
}

}  // namespace byon::auth
