#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/dtls/dtls_transport.h"
#include "dataplane/srtp/srtp_session.h"

// What a session and the thread that runs its DTLS association say to each other. An association is
// named by the session's handle and a number that grows with each new association of the session, so
// that what belongs to an old one is told apart.
namespace byon::session {

using Fingerprints = base::FixedVector<dtls::DtlsFingerprint, 4>;

struct DtlsBytes {
  static constexpr size_t kCapacity = 1500;
  std::array<std::byte, kCapacity> storage;
  size_t size = 0;
  base::ByteSpan bytes() const { return base::ByteSpan(storage).first(size); }
};

// One direction each, of one association.
struct SrtpPair {
  std::unique_ptr<srtp::SrtpSession> inbound;
  std::unique_ptr<srtp::SrtpSession> outbound;
};

struct HandshakeRequest {
  enum class Kind : uint8_t {
    kNone,
    kStart,         // role, fingerprints (may be empty: they come later)
    kFingerprints,  // the peer's SDP has arrived
    kDatagram,      // bytes
    kStop,          // forget it: the session has gone
    kDiscard,       // retired: SRTP state to be destroyed
  };
  Kind kind = Kind::kNone;
  uint64_t session = 0;
  uint32_t association = 0;
  dtls::DtlsRole role = dtls::DtlsRole::kServer;
  Fingerprints fingerprints;
  DtlsBytes datagram;
  SrtpPair retired;
};

struct HandshakeReport {
  enum class Kind : uint8_t {
    kNone,
    kDatagram,   // to be sent to the peer
    kConnected,  // srtp; datagram: the close_notify to end with, when there is one
    kFailed,     // cause
    kClosed,     // the peer sent close_notify
  };
  Kind kind = Kind::kNone;
  uint64_t session = 0;
  uint32_t association = 0;
  DtlsBytes datagram;
  SrtpPair srtp;
  dtls::FailureCause cause = dtls::FailureCause::kHandshake;
};

}  // namespace byon::session
