#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <memory>

#include "dataplane/base/check.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/srtp/backends.h"

namespace byon::srtp {
namespace {

struct ManagerDeleter {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, ManagerDeleter>;

// Null when the processor lacks what the library needs (AES-NI and PCLMULQDQ).
Manager MakeManager() {
  Manager manager(alloc_mb_mgr(0));
  if (manager == nullptr) return nullptr;
  init_mb_mgr_auto(manager.get(), nullptr);
  if (imb_get_errno(manager.get()) != 0) return nullptr;
  constexpr uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  if ((manager->features & kNeeded) != kNeeded) return nullptr;
  return manager;
}

// Key expansion only reads the manager's function table, so one serves all threads.
IMB_MGR* KeyManager() {
  static const Manager manager = MakeManager();
  return manager.get();
}

struct CmKeys final : PacketKeys {
  ~CmKeys() override { OPENSSL_cleanse(round_keys, sizeof(round_keys)); }
  alignas(16) uint8_t round_keys[16 * 11];
  alignas(16) uint8_t inner_hash[20];
  alignas(16) uint8_t outer_hash[20];
};

// The library reads gcm_key_data with aligned 64-byte loads.
struct alignas(64) GcmKeys final : PacketKeys {
  ~GcmKeys() override { OPENSSL_cleanse(&key, sizeof(key)); }
  alignas(64) gcm_key_data key;
};

// The state of SHA-1 after one block of the key XORed with `pad` (RFC 2104).
void HashPaddedKey(base::ByteSpan key, uint8_t pad, uint8_t* hash) {
  std::array<uint8_t, 64> block;
  block.fill(pad);
  for (size_t i = 0; i < key.size(); ++i) block[i] ^= std::to_integer<uint8_t>(key[i]);
  IMB_SHA1_ONE_BLOCK(KeyManager(), block.data(), hash);
  OPENSSL_cleanse(block.data(), block.size());
}

class IpsecMbTransform final : public SrtpTransform {
 public:
  IpsecMbTransform() : manager_(MakeManager()), has_long_hash_table_((manager_->features & kLongTable) == kLongTable) {}
  SrtpBackend backend() const override { return SrtpBackend::kIpsecMb; }

  void Prefetch(const PacketKeys& keys, SrtpProfile profile) const override {
    if (!IsAead(profile)) return base::Prefetch(&keys, sizeof(CmKeys));
    // The round keys, and of the powers of the hash key those that a voice packet takes: the first ones, or the
    // last ones of a longer table.
    const auto& key = static_cast<const GcmKeys&>(keys).key;
    if (!has_long_hash_table_) return base::Prefetch(&key, kShortTableBytes);
    base::Prefetch(key.expanded_keys, 16 * 11);
    const auto& table = key.ghash_keys.vaes_avx512.shifted_hkey;
    base::Prefetch(table + sizeof(table) - kVoiceHashKeyBytes, kVoiceHashKeyBytes);
  }
  void Protect(std::span<PacketJob> jobs) override {
    BYON_CHECK(jobs.size() <= kMaxBurst, "bursts are bounded");
    for (size_t i = 0; i < jobs.size(); ++i) {
      IsAead(jobs[i].profile) ? ProtectAead(jobs[i]) : Submit(jobs[i], i, IMB_DIR_ENCRYPT);
    }
    FlushAll(IMB_DIR_ENCRYPT);
  }
  void Unprotect(std::span<PacketJob> jobs) override {
    BYON_CHECK(jobs.size() <= kMaxBurst, "bursts are bounded");
    for (size_t i = 0; i < jobs.size(); ++i) {
      IsAead(jobs[i].profile) ? UnprotectAead(jobs[i]) : Submit(jobs[i], i, IMB_DIR_DECRYPT);
    }
    FlushAll(IMB_DIR_DECRYPT);
  }

 private:
  static constexpr uint64_t kLongTable = IMB_FEATURE_VAES | IMB_FEATURE_AVX512_SKX;
  static constexpr size_t kVoiceHashKeyBytes = 16 * 16;
  static constexpr size_t kShortTableBytes = 16 * (15 + 16);
  static constexpr size_t kComputedTagBytes = 12;  // what the library offers for HMAC-SHA1

  void Submit(PacketJob& job, size_t slot, IMB_CIPHER_DIRECTION direction) {
    const auto& keys = static_cast<const CmKeys&>(*job.keys);
    IMB_JOB* mb = IMB_GET_NEXT_JOB(manager_.get());
    auto* start = reinterpret_cast<const uint8_t*>(job.authenticated.data());
    auto* payload = reinterpret_cast<uint8_t*>(job.payload.data());
    mb->cipher_direction = direction;
    mb->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    mb->cipher_mode = job.payload.empty() ? IMB_CIPHER_NULL : IMB_CIPHER_CNTR;
    mb->src = start;
    mb->dst = job.payload.empty() ? nullptr : payload;
    mb->cipher_start_src_offset_in_bytes = job.payload.empty() ? 0 : static_cast<uint64_t>(payload - start);
    mb->msg_len_to_cipher_in_bytes = job.payload.size();
    mb->enc_keys = keys.round_keys;
    mb->dec_keys = keys.round_keys;
    mb->key_len_in_bytes = 16;
    mb->iv = reinterpret_cast<const uint8_t*>(job.iv.data());
    mb->iv_len_in_bytes = 16;
    mb->hash_alg = IMB_AUTH_HMAC_SHA_1;
    mb->hash_start_src_offset_in_bytes = 0;
    mb->msg_len_to_hash_in_bytes = job.authenticated.size();
    mb->u.HMAC._hashed_auth_key_xor_ipad = keys.inner_hash;
    mb->u.HMAC._hashed_auth_key_xor_opad = keys.outer_hash;
    mb->auth_tag_output = computed_tags_[slot].data();
    mb->auth_tag_output_len_in_bytes = kComputedTagBytes;
    mb->user_data = &job;
    mb->user_data2 = computed_tags_[slot].data();
    Collect(IMB_SUBMIT_JOB_NOCHECK(manager_.get()), direction);
  }
  void Collect(IMB_JOB* mb, IMB_CIPHER_DIRECTION direction) {
    for (; mb != nullptr; mb = IMB_GET_COMPLETED_JOB(manager_.get())) Finish(*mb, direction);
  }
  void FlushAll(IMB_CIPHER_DIRECTION direction) {
    while (IMB_JOB* mb = IMB_FLUSH_JOB(manager_.get())) Finish(*mb, direction);
  }
  static void Finish(const IMB_JOB& mb, IMB_CIPHER_DIRECTION direction) {
    BYON_CHECK(mb.status == IMB_STATUS_COMPLETED, "ipsec-mb refused a job that we made wrongly");
    auto& job = *static_cast<PacketJob*>(mb.user_data);
    const size_t tag_bytes = TagBytes(job.profile);
    if (direction == IMB_DIR_ENCRYPT) {
      std::memcpy(job.tag.data(), mb.user_data2, tag_bytes);
    } else {
      job.is_authentic = CRYPTO_memcmp(job.tag.data(), mb.user_data2, tag_bytes) == 0;
    }
  }

  void ProtectAead(PacketJob& job) {
    auto* payload = reinterpret_cast<uint8_t*>(job.payload.data());
    RunAead(job, payload, job.tag.data(), true);
  }
  void UnprotectAead(PacketJob& job) {
    auto* payload = reinterpret_cast<uint8_t*>(job.payload.data());
    std::array<std::byte, 16> computed;
    RunAead(job, payload, computed.data(), false);
    job.is_authentic = CRYPTO_memcmp(job.tag.data(), computed.data(), computed.size()) == 0;
  }
  void RunAead(const PacketJob& job, uint8_t* payload, std::byte* tag, bool is_protect) {
    const gcm_key_data* key = &static_cast<const GcmKeys&>(*job.keys).key;
    gcm_context_data context;
    const auto* iv = reinterpret_cast<const uint8_t*>(job.iv.data());
    const auto* aad = reinterpret_cast<const uint8_t*>(job.authenticated.data());
    auto* tag_out = reinterpret_cast<uint8_t*>(tag);
    const aes_gcm_enc_dec_t run = MasterKeyBytes(job.profile) == 32
                                      ? (is_protect ? manager_->gcm256_enc : manager_->gcm256_dec)
                                      : (is_protect ? manager_->gcm128_enc : manager_->gcm128_dec);
    run(key, &context, payload, payload, job.payload.size(), iv, aad, job.authenticated.size(), tag_out, 16);
  }

  Manager manager_;
  const bool has_long_hash_table_;
  std::array<std::array<uint8_t, 16>, kMaxBurst> computed_tags_;
};

}  // namespace

bool IsIpsecMbAvailable() { return KeyManager() != nullptr; }

std::unique_ptr<SrtpTransform> MakeIpsecMbTransform() { return std::make_unique<IpsecMbTransform>(); }

std::unique_ptr<PacketKeys> MakeIpsecMbKeys(SrtpProfile profile, base::ByteSpan cipher_key, base::ByteSpan auth_key) {
  if (!IsAead(profile)) {
    auto keys = std::make_unique<CmKeys>();
    std::array<uint8_t, 16 * 11> unused_decryption_keys;
    IMB_AES_KEYEXP_128(KeyManager(), cipher_key.data(), keys->round_keys, unused_decryption_keys.data());
    HashPaddedKey(auth_key, 0x36, keys->inner_hash);
    HashPaddedKey(auth_key, 0x5c, keys->outer_hash);
    return keys;
  }
  auto keys = std::make_unique<GcmKeys>();
  if (cipher_key.size() == 32) {
    IMB_AES256_GCM_PRE(KeyManager(), cipher_key.data(), &keys->key);
  } else {
    IMB_AES128_GCM_PRE(KeyManager(), cipher_key.data(), &keys->key);
  }
  return keys;
}

}  // namespace byon::srtp
