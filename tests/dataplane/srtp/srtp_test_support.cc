#include "tests/dataplane/srtp/srtp_test_support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/base/check.h"
#include "dataplane/srtp/session_keys.h"

namespace byon::srtp {
namespace {

unsigned HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>(c - 'a') + 10;
}

template <typename Function>
base::Result<Packet, DropReason> Protected(Packet packet, Function protect) {
  const size_t length = packet.size();
  packet.resize(length + kMaxRtcpOverheadBytes);
  const base::Result<size_t, DropReason> result = protect(base::MutableByteSpan(packet), length);
  if (!result) return result.error();
  packet.resize(*result);
  return packet;
}
template <typename Function>
base::Result<Packet, DropReason> Unprotected(Packet packet, Function unprotect) {
  const base::Result<size_t, DropReason> result = unprotect(base::MutableByteSpan(packet));
  if (!result) return result.error();
  packet.resize(*result);
  return packet;
}

template <typename Function>
std::optional<Packet> RunLibsrtp(Packet packet, Function function) {
  int length = static_cast<int>(packet.size());
  packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
  if (function(packet.data(), &length) != srtp_err_status_ok) return std::nullopt;
  packet.resize(static_cast<size_t>(length));
  return packet;
}

}  // namespace

Packet FromHex(std::string_view hex) {
  Packet bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(HexDigit(hex[i]) << 4 | HexDigit(hex[i + 1])));
  }
  return bytes;
}

SrtpKeyingMaterial MakeKeying(SrtpProfile profile, std::string_view key_hex, std::string_view salt_hex) {
  SrtpKeyingMaterial keying;
  keying.profile = profile;
  std::ranges::copy(FromHex(key_hex), keying.key_storage.begin());
  std::ranges::copy(FromHex(salt_hex), keying.salt_storage.begin());
  return keying;
}

SrtpKeyingMaterial SomeKeying(SrtpProfile profile, uint8_t seed) {
  SrtpKeyingMaterial keying;
  keying.profile = profile;
  unsigned value = seed * 37u;
  for (std::byte& b : keying.key_storage) b = static_cast<std::byte>(value += 11);
  for (std::byte& b : keying.salt_storage) b = static_cast<std::byte>(value += 13);
  return keying;
}

Packet MakeRtp(uint32_t ssrc, uint16_t sequence, size_t payload_bytes) {
  Packet packet(12 + payload_bytes);
  base::ByteWriter writer(packet);
  writer.WriteU8(0x80);
  writer.WriteU8(111);
  writer.WriteU16(sequence);
  writer.WriteU32(uint32_t{sequence} * 960);
  writer.WriteU32(ssrc);
  for (size_t i = 0; i < payload_bytes; ++i) {
    writer.WriteU8(static_cast<uint8_t>(i * 7 + sequence));
  }
  return packet;
}

Packet MakeRtcp(uint32_t ssrc) {
  Packet packet(28 + 16);
  base::ByteWriter writer(packet);
  writer.WriteU8(0x80);
  writer.WriteU8(200);
  writer.WriteU16(6);
  writer.WriteU32(ssrc);
  writer.WriteU64(0xe93a112233445566);
  writer.WriteU32(960);
  writer.WriteU32(1);
  writer.WriteU32(60);
  writer.WriteU8(0x81);
  writer.WriteU8(202);
  writer.WriteU16(3);
  writer.WriteU32(ssrc);
  writer.WriteU8(1);
  writer.WriteU8(4);
  writer.WriteBytes(base::AsBytes("byon"));
  writer.WriteZeros(2);
  return packet;
}

Packet SealUnencryptedRtcp(const SrtpKeyingMaterial& keying, const Packet& packet, uint32_t index) {
  const auto bytes = [](const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); };
  Packet sealed = packet;
  for (int shift = 24; shift >= 0; shift -= 8) {
    sealed.push_back(static_cast<std::byte>(index >> shift & 0xff));
  }
  if (!IsAead(keying.profile)) {
    Packet key(20);
    DeriveSessionKey(keying, KeyLabel::kRtcpAuth, key);
    Packet digest(20);
    HMAC(EVP_sha1(), key.data(), 20, bytes(sealed.data()), sealed.size(),
         reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    sealed.insert(sealed.end(), digest.begin(), digest.begin() + 10);
    return sealed;
  }
  Packet key(MasterKeyBytes(keying.profile)), iv(12), tag(16);
  DeriveSessionKey(keying, KeyLabel::kRtcpCipher, key);
  DeriveSessionKey(keying, KeyLabel::kRtcpSalt, iv);
  for (size_t i = 0; i < 4; ++i) {
    iv[2 + i] ^= packet[4 + i];
    iv[8 + i] ^= sealed[packet.size() + i];
  }
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, bytes(key.data()), bytes(iv.data()));
  EVP_EncryptUpdate(context, nullptr, &written, bytes(sealed.data()), static_cast<int>(sealed.size()));
  unsigned char rest[16];
  EVP_EncryptFinal_ex(context, rest, &written);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
  EVP_CIPHER_CTX_free(context);
  sealed.insert(sealed.end() - 4, tag.begin(), tag.end());
  return sealed;
}

base::Result<Packet, DropReason> Endpoint::ProtectRtp(Packet packet) {
  return Protected(std::move(packet), [this](base::MutableByteSpan buffer, size_t length) {
    return session_.ProtectRtp(*transform_, buffer, length);
  });
}
base::Result<Packet, DropReason> Endpoint::UnprotectRtp(Packet packet) {
  return Unprotected(std::move(packet),
                     [this](base::MutableByteSpan buffer) { return session_.UnprotectRtp(*transform_, buffer); });
}
base::Result<Packet, DropReason> Endpoint::ProtectRtcp(Packet packet) {
  return Protected(std::move(packet), [this](base::MutableByteSpan buffer, size_t length) {
    return session_.ProtectRtcp(*transform_, buffer, length);
  });
}
base::Result<Packet, DropReason> Endpoint::UnprotectRtcp(Packet packet) {
  return Unprotected(std::move(packet),
                     [this](base::MutableByteSpan buffer) { return session_.UnprotectRtcp(*transform_, buffer); });
}

LibsrtpSession::LibsrtpSession(const SrtpKeyingMaterial& keying, Way way) {
  static const srtp_err_status_t initialised = srtp_init();
  BYON_CHECK(initialised == srtp_err_status_ok, "libsrtp2 starts");
  srtp_policy_t policy;
  std::memset(&policy, 0, sizeof(policy));
  switch (keying.profile) {
    case SrtpProfile::kAes128CmSha1_80:
      srtp_crypto_policy_set_rtp_default(&policy.rtp);
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
      break;
    case SrtpProfile::kAeadAes128Gcm:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
      break;
    case SrtpProfile::kAeadAes256Gcm:
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
      break;
  }
  std::vector<unsigned char> key;
  for (const std::byte b : keying.key()) key.push_back(std::to_integer<unsigned char>(b));
  for (const std::byte b : keying.salt()) key.push_back(std::to_integer<unsigned char>(b));
  policy.key = key.data();
  policy.ssrc.type = way == Way::kOutbound ? ssrc_any_outbound : ssrc_any_inbound;
  policy.window_size = 128;
  BYON_CHECK(srtp_create(&session_, &policy) == srtp_err_status_ok, "libsrtp2 takes the policy");
}
LibsrtpSession::~LibsrtpSession() { srtp_dealloc(session_); }

std::optional<Packet> LibsrtpSession::ProtectRtp(Packet packet) {
  return RunLibsrtp(std::move(packet),
                    [this](void* data, int* length) { return srtp_protect(session_, data, length); });
}
std::optional<Packet> LibsrtpSession::UnprotectRtp(Packet packet) {
  return RunLibsrtp(std::move(packet),
                    [this](void* data, int* length) { return srtp_unprotect(session_, data, length); });
}
std::optional<Packet> LibsrtpSession::ProtectRtcp(Packet packet) {
  return RunLibsrtp(std::move(packet),
                    [this](void* data, int* length) { return srtp_protect_rtcp(session_, data, length); });
}
std::optional<Packet> LibsrtpSession::UnprotectRtcp(Packet packet) {
  return RunLibsrtp(std::move(packet),
                    [this](void* data, int* length) { return srtp_unprotect_rtcp(session_, data, length); });
}

}  // namespace byon::srtp
