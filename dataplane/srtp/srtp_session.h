#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/base/result.h"
#include "dataplane/srtp/drop_reason.h"
#include "dataplane/srtp/replay_window.h"
#include "dataplane/srtp/srtp_keying.h"
#include "dataplane/srtp/srtp_transform.h"

namespace byon::srtp {

// Where one SSRC stands: enough to continue it elsewhere without using a packet index twice.
struct StreamPosition {
  uint32_t ssrc = 0;
  std::optional<uint64_t> highest_rtp_index;  // ROC << 16 | sequence number
  uint32_t next_rtcp_index = 0;
};

// One packet of a burst. `buffer` starts with the packet and goes on with tailroom; `length` is the
// packet's own and is updated. `drop` is set when the packet must not be used further; the buffer's
// content is then unspecified.
struct BurstPacket {
  class SrtpSession* session = nullptr;
  base::MutableByteSpan buffer;
  size_t length = 0;
  std::optional<DropReason> drop;
};

// SRTP and SRTCP of one direction under one master key (RFC 3711, RFC 7714), for kMaxSsrcs SSRCs at a time. Of those
// that come in, a new one takes the place of the longest silent, which cannot come back: nothing would tell its packets
// from replayed ones. Key derivation rate 0, no MKI. Built on any thread; used with the SrtpTransform of the thread
// that runs it, of the same backend.
class SrtpSession {
 public:
  static constexpr size_t kMaxSsrcs = 8;
  static constexpr size_t kMaxGoneSsrcs = 64;  // then no new one comes in any more

  SrtpSession(SrtpBackend backend, const SrtpKeyingMaterial& keying);

  // In place; `length` bytes of `buffer` are the packet, the rest is tailroom (kMaxRtpOverheadBytes,
  // kMaxRtcpOverheadBytes). Returns the new length. On a drop the content is unspecified.
  [[nodiscard]] base::Result<size_t, DropReason> ProtectRtp(SrtpTransform& transform, base::MutableByteSpan buffer,
                                                            size_t length);
  [[nodiscard]] base::Result<size_t, DropReason> UnprotectRtp(SrtpTransform& transform, base::MutableByteSpan packet);
  // Compound packets (RTCP), told from RTP by the caller.
  [[nodiscard]] base::Result<size_t, DropReason> ProtectRtcp(SrtpTransform& transform, base::MutableByteSpan buffer,
                                                             size_t length);
  [[nodiscard]] base::Result<size_t, DropReason> UnprotectRtcp(SrtpTransform& transform, base::MutableByteSpan packet);

  // Whether authentic packets of the SSRC that these bytes name (RTP, or the first of an RTCP compound) have been
  // dealt with. The bytes themselves may be anybody's.
  bool KnowsRtpSource(base::ByteSpan packet) const;
  bool KnowsRtcpSource(base::ByteSpan packet) const;

  // Continues an SSRC whose earlier packets went out (or came in) elsewhere under the same key.
  // False when the table is full.
  [[nodiscard]] bool Resume(const StreamPosition& position);
  base::FixedVector<StreamPosition, kMaxSsrcs> Positions() const;

  // Asks for the memory that an RTP packet needs, but for the keys.
  void Prefetch() const { base::Prefetch(this, kHotBytes); }

  SrtpProfile profile() const { return profile_; }
  SrtpBackend backend() const { return backend_; }

 private:
  friend void ProtectRtpBurst(SrtpTransform&, std::span<BurstPacket>);
  friend void UnprotectRtpBurst(SrtpTransform&, std::span<BurstPacket>);
  friend class RtpBurst;

  struct Stream {
    uint32_t ssrc = 0;
    uint32_t last_used = 0;  // of `uses_`, incoming
    ReplayWindow rtp;
    ReplayWindow rtcp;
    uint32_t next_rtcp_index = 0;
  };

  static constexpr size_t kHotBytes = 128;

  Stream* Find(uint32_t ssrc);
  bool Has(uint32_t ssrc) const;
  // The stream of `ssrc`, made when new; null when the table is full.
  Stream* FindOrAdd(uint32_t ssrc);
  // Why an SSRC that is not known may not come in.
  std::optional<DropReason> CheckNewSource(uint32_t ssrc) const;
  // The stream of an authentic incoming packet; null for one that may not come in.
  Stream* Admit(uint32_t ssrc);
  std::array<std::byte, 16> RtpIv(uint32_t ssrc, uint64_t index) const;
  std::array<std::byte, 16> RtcpIv(uint32_t ssrc, uint32_t index) const;

  // What an RTP packet of the first SSRC needs comes first: see Prefetch().
  SrtpProfile profile_;
  SrtpBackend backend_;
  uint32_t uses_ = 0;
  std::unique_ptr<PacketKeys> rtp_keys_;
  std::array<std::byte, 16> rtp_salt_{};
  base::FixedVector<Stream, kMaxSsrcs> streams_;
  base::FixedVector<uint32_t, kMaxGoneSsrcs> gone_;
  std::unique_ptr<PacketKeys> rtcp_keys_;
  std::array<std::byte, 16> rtcp_salt_{};
};

// Bursts over any mix of sessions and profiles of the transform's backend, in order: this is where
// ipsec-mb gains its speed on AES-CM. Any number of packets.
void ProtectRtpBurst(SrtpTransform& transform, std::span<BurstPacket> packets);
void UnprotectRtpBurst(SrtpTransform& transform, std::span<BurstPacket> packets);

}  // namespace byon::srtp
