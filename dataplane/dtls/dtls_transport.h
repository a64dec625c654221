#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/dtls/fingerprint.h"
#include "dataplane/srtp/srtp_keying.h"

namespace byon::dtls {

enum class DtlsRole : uint8_t { kClient, kServer };

enum class FailureCause : uint8_t {
  kHandshake,            // alert, bad message, wrong version or cipher, or no end within kHandshakeLimit
  kFingerprintMismatch,  // the peer's certificate is not the one that signalling announced
  kNoSrtpProfile,        // the peer did not agree on a profile (use_srtp, RFC 5764)
};
std::string_view FailureCauseName(FailureCause cause);

// Both directions' master keys. Delivered only when the peer's certificate fits its fingerprint.
struct DtlsConnected {
  srtp::SrtpKeyingMaterial local;   // for what this side sends
  srtp::SrtpKeyingMaterial remote;  // for what the peer sends
  std::string_view version;         // "DTLSv1.2"
};
struct DtlsFailed {
  FailureCause cause = FailureCause::kHandshake;
  std::string detail;
};
struct DtlsClosed {};  // the peer sent close_notify
using DtlsEvent = std::variant<DtlsConnected, DtlsFailed, DtlsClosed>;

// One outgoing datagram, at most the MTU.
struct DtlsDatagram {
  static constexpr size_t kCapacity = 1500;
  std::array<std::byte, kCapacity> storage;
  size_t size = 0;
  base::ByteSpan bytes() const { return base::ByteSpan(storage).first(size); }
};

// One DTLS 1.2 association for SRTP keys (RFC 5764), either role, over no socket at all. After any
// Handle the owner polls datagrams and events until empty. May move between threads, one at a time.
// Handshake steps cost up to 2 ms of CPU and use the heap: never on a worker.
// No cookie exchange: the owner creates and feeds it only for an address pair that ICE verified.
class DtlsTransport {
 public:
  static constexpr size_t kMtu = 1200;  // UDP payload, bytes
  static constexpr base::TimeDelta kHandshakeLimit = base::TimeDelta::Seconds(30);
  // First retransmission; doubles up to kMaxRetransmitDelay (RFC 9147 section 5.8.2 for media).
  static constexpr base::TimeDelta kFirstRetransmitDelay = base::TimeDelta::Milliseconds(100);
  static constexpr base::TimeDelta kMaxRetransmitDelay = base::TimeDelta::Seconds(2);
  static constexpr size_t kMaxQueuedDatagrams = 32;

  // `context` may die before the transport; it stays as it is until the last transport is gone.
  DtlsTransport(const DtlsContext& context, DtlsRole role);
  ~DtlsTransport();
  DtlsTransport(DtlsTransport&&) noexcept;
  DtlsTransport& operator=(DtlsTransport&&) noexcept;

  // The fingerprints of the peer's SDP. May come after the handshake: Connected waits for it. The
  // strongest algorithm among them decides (RFC 8122 section 5). Ignored when empty, and once
  // connected: another certificate needs another association (RFC 8842 section 4).
  void SetRemoteFingerprints(std::span<const DtlsFingerprint> fingerprints);

  // Client: sends the ClientHello. Server: starts the handshake limit. Once.
  void Start(base::Timestamp now);
  // One received UDP payload.
  void HandleDatagram(base::ByteSpan datagram, base::Timestamp now);
  void HandleTimeout(base::Timestamp now);
  // Sends close_notify when connected.
  void Close();
  // That close_notify to be sent later by somebody else, when this transport may not be asked any more;
  // it goes on as if nothing had been. Nothing when not connected.
  std::optional<DtlsDatagram> MakeFarewell();

  std::optional<DtlsDatagram> PollDatagram();
  std::optional<DtlsEvent> PollEvent();
  base::Timestamp NextDeadline() const;

  bool is_connected() const;
  DtlsRole role() const;

  class Association;  // association.h

 private:
  std::unique_ptr<Association> association_;
};

}  // namespace byon::dtls
