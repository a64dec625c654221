#include "controlplane/push/message_encryption.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "controlplane/push/content_encoding.h"
#include "dataplane/base/check.h"

namespace byon::push {
namespace {

constexpr uint32_t kRecordBytes = 4096;
constexpr size_t kSecretBytes = 32;

using Key = std::shared_ptr<EVP_PKEY>;

struct FreeKeyContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeParams {
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
struct FreeBuilder {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeKeyContext>;

// A key of P-256 from its point, and its secret number when there is one. Null when the point is not on the curve.
Key MakeKey(std::string_view point, const BIGNUM* secret) {
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  if (secret != nullptr) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret);
  const std::unique_ptr<OSSL_PARAM, FreeParams> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  const int selection = secret != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  const bool is_good = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                       EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) == 1;
  Key owned(key, EVP_PKEY_free);
  const KeyContext checker(is_good ? EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr) : nullptr);
  const bool is_on_curve = checker != nullptr && EVP_PKEY_public_check(checker.get()) == 1;
  ERR_clear_error();
  return is_on_curve ? owned : nullptr;
}

Key PeerKey(std::string_view point) {
  if (point.size() != kP256PointBytes || point.front() != '\x04') return nullptr;
  return MakeKey(point, nullptr);
}

}  // namespace

bool IsP256Point(std::string_view bytes) { return PeerKey(bytes) != nullptr; }

EphemeralKey EphemeralKey::Generate() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  BYON_CHECK(key != nullptr, "a key can always be made");
  std::string point(kP256PointBytes, '\0');
  size_t size = 0;
  const int is_good = EVP_PKEY_get_octet_string_param(
      key.get(), OSSL_PKEY_PARAM_PUB_KEY, reinterpret_cast<unsigned char*>(point.data()), point.size(), &size);
  BYON_CHECK(is_good == 1 && size == point.size(), "a fresh key has an uncompressed point");
  return {key, point};
}

EphemeralKey EphemeralKey::From(std::string_view private_key, std::string_view public_point) {
  const std::unique_ptr<BIGNUM, FreeNumber> secret(BN_bin2bn(reinterpret_cast<const unsigned char*>(private_key.data()),
                                                             static_cast<int>(private_key.size()), nullptr));
  Key key = MakeKey(public_point, secret.get());
  BYON_CHECK(key != nullptr, "the vector's key is one");
  return {std::move(key), std::string(public_point)};
}

std::optional<std::string> EphemeralKey::SharedSecret(std::string_view peer_point) const {
  const Key peer = PeerKey(peer_point);
  if (peer == nullptr) return std::nullopt;
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  std::string secret(kSecretBytes, '\0');
  size_t size = secret.size();
  const bool is_good = EVP_PKEY_derive_init(context.get()) == 1 &&
                       EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                       EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) == 1;
  ERR_clear_error();
  if (!is_good || size != kSecretBytes) return std::nullopt;
  return secret;
}

std::optional<std::string> EncryptMessage(std::string_view text, const Receiver& receiver, const EphemeralKey& key,
                                          std::string_view salt, size_t padded_bytes) {
  if (text.size() > kMaxMessageBytes) return std::nullopt;
  const auto shared = key.SharedSecret(receiver.p256dh);
  if (!shared) return std::nullopt;
  const std::string label = std::string("WebPush: info") + '\0' + receiver.p256dh + key.public_point();
  const std::string secret = Hkdf(receiver.auth, *shared, label, kSecretBytes);
  const Aes128GcmEncoding encoding(secret, salt, key.public_point(), kRecordBytes);
  const size_t wanted = std::min(padded_bytes, kMaxMessageBytes);
  const size_t padding = wanted > text.size() ? wanted - text.size() : 0;
  return encoding.Header() + encoding.Record(0, text, padding, true);
}

}  // namespace byon::push
