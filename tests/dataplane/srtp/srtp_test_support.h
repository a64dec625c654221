#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/srtp/srtp_session.h"

struct srtp_ctx_t_;

namespace byon::srtp {

using Packet = std::vector<std::byte>;

Packet FromHex(std::string_view hex);

SrtpKeyingMaterial MakeKeying(SrtpProfile profile, std::string_view key_hex, std::string_view salt_hex);
// Any key, different for each `seed`.
SrtpKeyingMaterial SomeKeying(SrtpProfile profile, uint8_t seed = 1);

// An RTP packet of version 2, payload type 111, with `payload_bytes` counting bytes.
Packet MakeRtp(uint32_t ssrc, uint16_t sequence, size_t payload_bytes = 60);
// A sender report without report blocks and an SDES.
Packet MakeRtcp(uint32_t ssrc);

// SRTCP that is tagged but not encrypted (E = 0), made with OpenSSL from the master key.
Packet SealUnencryptedRtcp(const SrtpKeyingMaterial& keying, const Packet& packet, uint32_t index);

// A session with the transform that it runs on; packets in and out as vectors.
class Endpoint {
 public:
  Endpoint(SrtpBackend backend, const SrtpKeyingMaterial& keying)
      : transform_(MakeSrtpTransform(backend)), session_(backend, keying) {}

  base::Result<Packet, DropReason> ProtectRtp(Packet packet);
  base::Result<Packet, DropReason> UnprotectRtp(Packet packet);
  base::Result<Packet, DropReason> ProtectRtcp(Packet packet);
  base::Result<Packet, DropReason> UnprotectRtcp(Packet packet);

  SrtpTransform& transform() { return *transform_; }
  SrtpSession& session() { return session_; }

 private:
  std::unique_ptr<SrtpTransform> transform_;
  SrtpSession session_;
};

// libsrtp2 in the same role: the oracle.
class LibsrtpSession {
 public:
  enum class Way { kOutbound, kInbound };
  LibsrtpSession(const SrtpKeyingMaterial& keying, Way way);
  ~LibsrtpSession();
  LibsrtpSession(const LibsrtpSession&) = delete;
  LibsrtpSession& operator=(const LibsrtpSession&) = delete;

  // Nothing when libsrtp2 refuses.
  std::optional<Packet> ProtectRtp(Packet packet);
  std::optional<Packet> UnprotectRtp(Packet packet);
  std::optional<Packet> ProtectRtcp(Packet packet);
  std::optional<Packet> UnprotectRtcp(Packet packet);

 private:
  srtp_ctx_t_* session_ = nullptr;
};

}  // namespace byon::srtp
