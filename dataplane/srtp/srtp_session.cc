#include "dataplane/srtp/srtp_session.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "dataplane/base/check.h"
#include "dataplane/srtp/backends.h"
#include "dataplane/srtp/packet_layout.h"
#include "dataplane/srtp/session_keys.h"

namespace byon::srtp {
namespace {

constexpr uint64_t kRtpIndexLimit = uint64_t{1} << 48;
constexpr uint32_t kRtcpIndexLimit = uint32_t{1} << 31;
constexpr uint32_t kEncryptedFlag = uint32_t{1} << 31;  // E of RFC 3711 section 3.4

std::unique_ptr<PacketKeys> DeriveKeys(SrtpBackend backend, const SrtpKeyingMaterial& keying, KeyLabel cipher_label,
                                       KeyLabel auth_label) {
  std::array<std::byte, kMaxMasterKeyBytes> cipher_key;
  std::array<std::byte, kAuthKeyBytes> auth_key;
  const base::MutableByteSpan cipher(cipher_key.data(), MasterKeyBytes(keying.profile));
  DeriveSessionKey(keying, cipher_label, cipher);
  DeriveSessionKey(keying, auth_label, auth_key);
  auto keys = MakePacketKeys(backend, keying.profile, cipher, auth_key);
  OPENSSL_cleanse(cipher_key.data(), cipher_key.size());
  OPENSSL_cleanse(auth_key.data(), auth_key.size());
  return keys;
}

std::array<std::byte, 16> DeriveSalt(const SrtpKeyingMaterial& keying, KeyLabel label) {
  std::array<std::byte, 16> salt{};
  DeriveSessionKey(keying, label, base::MutableByteSpan(salt).first(MasterSaltBytes(keying.profile)));
  return salt;
}

// The packet index nearest to the highest one so far (RFC 3711 section 3.3.1). A first packet, and
// one that would need a negative roll-over counter, belong to roll-over counter 0.
uint64_t EstimateIndex(const ReplayWindow& window, uint16_t sequence) {
  if (!window.has_any()) return sequence;
  const auto reference = static_cast<uint16_t>(window.highest());
  const auto difference = static_cast<int16_t>(static_cast<uint16_t>(sequence - reference));
  if (difference < 0 && window.highest() < static_cast<uint64_t>(-int64_t{difference})) {
    return sequence;
  }
  return window.highest() + static_cast<uint64_t>(int64_t{difference});
}

std::optional<DropReason> CheckReplay(const ReplayWindow& window, uint64_t index) {
  switch (window.Check(index)) {
    case ReplayWindow::Verdict::kFresh: return std::nullopt;
    case ReplayWindow::Verdict::kReplayed: return DropReason::kReplayed;
    case ReplayWindow::Verdict::kTooOld: return DropReason::kTooOld;
  }
  return DropReason::kReplayed;
}

// AES-CM authenticates the roll-over counter behind the packet; it stands where the tag will go.
void WriteRoc(base::MutableByteSpan place, uint64_t index) {
  base::ByteWriter(place).WriteU32(static_cast<uint32_t>(index >> 16));
}

}  // namespace

SrtpSession::SrtpSession(SrtpBackend backend, const SrtpKeyingMaterial& keying)
    : profile_(keying.profile),
      backend_(backend),
      rtp_keys_(DeriveKeys(backend, keying, KeyLabel::kRtpCipher, KeyLabel::kRtpAuth)),
      rtp_salt_(DeriveSalt(keying, KeyLabel::kRtpSalt)),
      rtcp_keys_(DeriveKeys(backend, keying, KeyLabel::kRtcpCipher, KeyLabel::kRtcpAuth)),
      rtcp_salt_(DeriveSalt(keying, KeyLabel::kRtcpSalt)) {}

SrtpSession::Stream* SrtpSession::Find(uint32_t ssrc) {
  for (Stream& stream : streams_) {
    if (stream.ssrc == ssrc) return &stream;
  }
  return nullptr;
}

bool SrtpSession::Has(uint32_t ssrc) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const Stream& stream) { return stream.ssrc == ssrc; });
}

bool SrtpSession::KnowsRtpSource(base::ByteSpan packet) const {
  const auto layout = ParseRtpLayout(packet);
  return layout && Has(layout->ssrc);
}

bool SrtpSession::KnowsRtcpSource(base::ByteSpan packet) const {
  const auto ssrc = ParseRtcpSsrc(packet);
  return ssrc && Has(*ssrc);
}

SrtpSession::Stream* SrtpSession::FindOrAdd(uint32_t ssrc) {
  if (Stream* stream = Find(ssrc)) return stream;
  Stream fresh;
  fresh.ssrc = ssrc;
  return streams_.PushBack(fresh) ? &streams_.back() : nullptr;
}

std::optional<DropReason> SrtpSession::CheckNewSource(uint32_t ssrc) const {
  if (std::find(gone_.begin(), gone_.end(), ssrc) != gone_.end()) return DropReason::kReplayed;
  if (streams_.full() && gone_.full()) return DropReason::kTooManySsrcs;
  return std::nullopt;
}

SrtpSession::Stream* SrtpSession::Admit(uint32_t ssrc) {
  Stream* stream = Find(ssrc);
  if (stream == nullptr) {
    if (CheckNewSource(ssrc)) return nullptr;
    if (streams_.full()) {
      const auto idle = [this](const Stream& one) { return uses_ - one.last_used; };
      stream = &*std::max_element(streams_.begin(), streams_.end(),
                                  [&](const Stream& a, const Stream& b) { return idle(a) < idle(b); });
      (void)gone_.PushBack(stream->ssrc);
      *stream = Stream();
      stream->ssrc = ssrc;
    } else {
      stream = FindOrAdd(ssrc);
    }
  }
  stream->last_used = ++uses_;
  return stream;
}

// AES-CM: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16 (RFC 3711 section 4.1.1). AEAD: salt XOR
// (two zero bytes, SSRC, ROC, sequence number) (RFC 7714 section 8.1).
std::array<std::byte, 16> SrtpSession::RtpIv(uint32_t ssrc, uint64_t index) const {
  std::array<std::byte, 16> iv = rtp_salt_;
  const base::MutableByteSpan bytes(iv);
  XorInteger(ssrc, bytes.subspan(IsAead(profile_) ? 2 : 4, 4));
  XorInteger(index, bytes.subspan(IsAead(profile_) ? 6 : 8, 6));
  return iv;
}

// As above with the 31-bit SRTCP index (RFC 7714 section 9.1).
std::array<std::byte, 16> SrtpSession::RtcpIv(uint32_t ssrc, uint32_t index) const {
  std::array<std::byte, 16> iv = rtcp_salt_;
  const base::MutableByteSpan bytes(iv);
  XorInteger(ssrc, bytes.subspan(IsAead(profile_) ? 2 : 4, 4));
  XorInteger(index, bytes.subspan(IsAead(profile_) ? 8 : 10, 4));
  return iv;
}

// Packets of one burst between parsing and cipher. kCapacity 1 keeps single packets cheap.
class RtpBurst {
 public:
  template <size_t kCapacity>
  static void Protect(SrtpTransform& transform, std::span<BurstPacket> packets) {
    std::array<PacketJob, kCapacity> jobs;
    std::array<BurstPacket*, kCapacity> owners;
    size_t count = 0;
    for (BurstPacket& packet : packets) {
      packet.drop = PrepareProtect(transform, packet, jobs[count]);
      if (!packet.drop) owners[count++] = &packet;
    }
    transform.Protect(std::span(jobs).first(count));
    for (size_t i = 0; i < count; ++i) {
      const size_t tag_bytes = TagBytes(jobs[i].profile);
      std::memcpy(owners[i]->buffer.data() + owners[i]->length, jobs[i].tag.data(), tag_bytes);
      owners[i]->length += tag_bytes;
    }
  }

  template <size_t kCapacity>
  static void Unprotect(SrtpTransform& transform, std::span<BurstPacket> packets) {
    std::array<PacketJob, kCapacity> jobs;
    std::array<Incoming, kCapacity> incoming;
    size_t count = 0;
    const auto run = [&] {
      transform.Unprotect(std::span(jobs).first(count));
      for (size_t i = 0; i < count; ++i) Accept(incoming[i], jobs[i]);
      count = 0;
    };
    for (BurstPacket& packet : packets) {
      incoming[count].packet = &packet;
      packet.drop = PrepareUnprotect(transform, incoming[count], jobs[count]);
      if (packet.drop) continue;
      // The index of what follows on a new SSRC hangs on its first packet: that one goes alone.
      const bool is_first = incoming[count].is_first;
      ++count;
      if (is_first) run();
    }
    run();
  }

 private:
  struct Incoming {
    BurstPacket* packet = nullptr;
    uint32_t ssrc = 0;
    uint64_t index = 0;
    bool is_first = false;
  };

  static std::optional<DropReason> PrepareProtect(SrtpTransform& transform, BurstPacket& packet, PacketJob& job) {
    SrtpSession& session = *packet.session;
    BYON_CHECK(transform.backend() == session.backend_, "keys belong to one backend");
    const size_t tag_bytes = TagBytes(session.profile_);
    if (packet.length > packet.buffer.size() || packet.buffer.size() - packet.length < tag_bytes) {
      return DropReason::kMalformed;
    }
    const auto layout = ParseRtpLayout(packet.buffer.first(packet.length));
    if (!layout) return DropReason::kMalformed;
    SrtpSession::Stream* stream = session.FindOrAdd(layout->ssrc);
    if (stream == nullptr) return DropReason::kTooManySsrcs;
    const uint64_t index = EstimateIndex(stream->rtp, layout->sequence);
    if (index >= kRtpIndexLimit) return DropReason::kKeyExhausted;
    // Two packets under one index would share a key stream.
    if (const auto drop = CheckReplay(stream->rtp, index)) return drop;
    stream->rtp.Accept(index);
    FillJob(session, *layout, index, packet.buffer, packet.length, transform, job);
    return std::nullopt;
  }

  static std::optional<DropReason> PrepareUnprotect(SrtpTransform& transform, Incoming& incoming, PacketJob& job) {
    BurstPacket& packet = *incoming.packet;
    SrtpSession& session = *packet.session;
    BYON_CHECK(transform.backend() == session.backend_, "keys belong to one backend");
    const size_t tag_bytes = TagBytes(session.profile_);
    if (packet.length > packet.buffer.size() || packet.length < tag_bytes) {
      return DropReason::kMalformed;
    }
    const size_t plain_length = packet.length - tag_bytes;
    const auto layout = ParseRtpLayout(packet.buffer.first(plain_length));
    if (!layout) return DropReason::kMalformed;
    const SrtpSession::Stream* stream = session.Find(layout->ssrc);
    if (stream == nullptr) {
      if (const auto drop = session.CheckNewSource(layout->ssrc)) return drop;
    }
    incoming.ssrc = layout->ssrc;
    incoming.is_first = stream == nullptr || !stream->rtp.has_any();
    incoming.index = stream == nullptr ? uint64_t{layout->sequence} : EstimateIndex(stream->rtp, layout->sequence);
    if (incoming.index >= kRtpIndexLimit) return DropReason::kKeyExhausted;
    if (stream != nullptr) {
      if (const auto drop = CheckReplay(stream->rtp, incoming.index)) return drop;
    }
    std::memcpy(job.tag.data(), packet.buffer.data() + plain_length, tag_bytes);
    FillJob(session, *layout, incoming.index, packet.buffer, plain_length, transform, job);
    return std::nullopt;
  }

  static void FillJob(const SrtpSession& session, const RtpLayout& layout, uint64_t index, base::MutableByteSpan buffer,
                      size_t length, SrtpTransform& transform, PacketJob& job) {
    job.keys = session.rtp_keys_.get();
    transform.Prefetch(*job.keys, session.profile_);
    job.profile = session.profile_;
    job.iv = session.RtpIv(layout.ssrc, index);
    job.payload = buffer.subspan(layout.header_bytes, length - layout.header_bytes);
    if (IsAead(session.profile_)) {
      job.authenticated = buffer.first(layout.header_bytes);
    } else {
      WriteRoc(buffer.subspan(length, 4), index);
      job.authenticated = buffer.first(length + 4);
    }
  }

  // State moves only now, when the tag has proved the packet.
  static void Accept(const Incoming& incoming, const PacketJob& job) {
    BurstPacket& packet = *incoming.packet;
    if (!job.is_authentic) {
      packet.drop = DropReason::kAuthFailed;
      return;
    }
    SrtpSession::Stream* stream = packet.session->Admit(incoming.ssrc);
    if (stream == nullptr) {
      packet.drop = DropReason::kTooManySsrcs;
      return;
    }
    // Again, because a twin may have been in the same burst.
    packet.drop = CheckReplay(stream->rtp, incoming.index);
    if (packet.drop) return;
    stream->rtp.Accept(incoming.index);
    packet.length -= TagBytes(job.profile);
  }
};

// Room for a burst costs as much as ciphering a packet: small bursts take a small room.
constexpr size_t kSmallBurst = 8;

void ProtectRtpBurst(SrtpTransform& transform, std::span<BurstPacket> packets) {
  for (; packets.size() > kMaxBurst; packets = packets.subspan(kMaxBurst)) {
    RtpBurst::Protect<kMaxBurst>(transform, packets.first(kMaxBurst));
  }
  packets.size() > kSmallBurst ? RtpBurst::Protect<kMaxBurst>(transform, packets)
                               : RtpBurst::Protect<kSmallBurst>(transform, packets);
}

void UnprotectRtpBurst(SrtpTransform& transform, std::span<BurstPacket> packets) {
  for (; packets.size() > kMaxBurst; packets = packets.subspan(kMaxBurst)) {
    RtpBurst::Unprotect<kMaxBurst>(transform, packets.first(kMaxBurst));
  }
  packets.size() > kSmallBurst ? RtpBurst::Unprotect<kMaxBurst>(transform, packets)
                               : RtpBurst::Unprotect<kSmallBurst>(transform, packets);
}

base::Result<size_t, DropReason> SrtpSession::ProtectRtp(SrtpTransform& transform, base::MutableByteSpan buffer,
                                                         size_t length) {
  BurstPacket packet{this, buffer, length, std::nullopt};
  RtpBurst::Protect<1>(transform, std::span(&packet, 1));
  if (packet.drop) return *packet.drop;
  return packet.length;
}

base::Result<size_t, DropReason> SrtpSession::UnprotectRtp(SrtpTransform& transform,
                                                           base::MutableByteSpan packet_bytes) {
  BurstPacket packet{this, packet_bytes, packet_bytes.size(), std::nullopt};
  RtpBurst::Unprotect<1>(transform, std::span(&packet, 1));
  if (packet.drop) return *packet.drop;
  return packet.length;
}

// AES-CM: packet, E and index, tag. AEAD: packet, tag, E and index (RFC 7714 section 17).
base::Result<size_t, DropReason> SrtpSession::ProtectRtcp(SrtpTransform& transform, base::MutableByteSpan buffer,
                                                          size_t length) {
  BYON_CHECK(transform.backend() == backend_, "keys belong to one backend");
  const size_t tag_bytes = TagBytes(profile_);
  if (length > buffer.size() || buffer.size() - length < kRtcpIndexBytes + tag_bytes) {
    return DropReason::kMalformed;
  }
  const auto ssrc = ParseRtcpSsrc(buffer.first(length));
  if (!ssrc) return DropReason::kMalformed;
  Stream* stream = FindOrAdd(*ssrc);
  if (stream == nullptr) return DropReason::kTooManySsrcs;
  if (stream->next_rtcp_index >= kRtcpIndexLimit) return DropReason::kKeyExhausted;
  const uint32_t index = stream->next_rtcp_index++;

  PacketJob job;
  job.keys = rtcp_keys_.get();
  job.profile = profile_;
  job.iv = RtcpIv(*ssrc, index);
  job.payload = buffer.subspan(kRtcpHeaderBytes, length - kRtcpHeaderBytes);
  std::array<std::byte, kRtcpHeaderBytes + kRtcpIndexBytes> aad;
  if (IsAead(profile_)) {
    base::ByteWriter aad_writer(aad);
    aad_writer.WriteBytes(buffer.first(kRtcpHeaderBytes));
    aad_writer.WriteU32(kEncryptedFlag | index);
    job.authenticated = aad;
    transform.Protect(std::span(&job, 1));
    base::ByteWriter trailer(buffer.subspan(length));
    trailer.WriteBytes(job.tag);
    trailer.WriteU32(kEncryptedFlag | index);
  } else {
    base::ByteWriter trailer(buffer.subspan(length));
    trailer.WriteU32(kEncryptedFlag | index);
    job.authenticated = buffer.first(length + kRtcpIndexBytes);
    transform.Protect(std::span(&job, 1));
    trailer.WriteBytes(base::ByteSpan(job.tag).first(tag_bytes));
  }
  return length + kRtcpIndexBytes + tag_bytes;
}

base::Result<size_t, DropReason> SrtpSession::UnprotectRtcp(SrtpTransform& transform, base::MutableByteSpan packet) {
  BYON_CHECK(transform.backend() == backend_, "keys belong to one backend");
  const size_t tag_bytes = TagBytes(profile_);
  if (packet.size() < kRtcpHeaderBytes + kRtcpIndexBytes + tag_bytes) return DropReason::kMalformed;
  const size_t plain_length = packet.size() - kRtcpIndexBytes - tag_bytes;
  const auto ssrc = ParseRtcpSsrc(packet.first(plain_length));
  if (!ssrc) return DropReason::kMalformed;
  const size_t index_at = IsAead(profile_) ? plain_length + tag_bytes : plain_length;
  const uint32_t index_word = base::ByteReader(packet.subspan(index_at, kRtcpIndexBytes)).ReadU32();
  const bool is_encrypted = (index_word & kEncryptedFlag) != 0;
  const uint32_t index = index_word & ~kEncryptedFlag;

  const Stream* known = Find(*ssrc);
  if (const auto drop = known == nullptr ? CheckNewSource(*ssrc) : CheckReplay(known->rtcp, index)) return *drop;

  PacketJob job;
  job.keys = rtcp_keys_.get();
  job.profile = profile_;
  job.iv = RtcpIv(*ssrc, index);
  const size_t tag_at = IsAead(profile_) ? plain_length : plain_length + kRtcpIndexBytes;
  std::memcpy(job.tag.data(), packet.data() + tag_at, tag_bytes);
  if (is_encrypted) job.payload = packet.subspan(kRtcpHeaderBytes, plain_length - kRtcpHeaderBytes);
  std::array<std::byte, kRtcpHeaderBytes + kRtcpIndexBytes> aad;
  if (!IsAead(profile_)) {
    job.authenticated = packet.first(plain_length + kRtcpIndexBytes);
  } else if (is_encrypted) {
    base::ByteWriter writer(aad);
    writer.WriteBytes(packet.first(kRtcpHeaderBytes));
    writer.WriteU32(index_word);
    job.authenticated = aad;
  } else {
    // The whole packet and the index word are associated data: close the gap of the saved tag.
    base::ByteWriter(packet.subspan(plain_length)).WriteU32(index_word);
    job.authenticated = packet.first(plain_length + kRtcpIndexBytes);
  }
  transform.Unprotect(std::span(&job, 1));
  if (!job.is_authentic) return DropReason::kAuthFailed;
  Stream* stream = Admit(*ssrc);
  BYON_CHECK(stream != nullptr, "room was there before the cipher ran");
  stream->rtcp.Accept(index);
  return plain_length;
}

bool SrtpSession::Resume(const StreamPosition& position) {
  Stream* stream = FindOrAdd(position.ssrc);
  if (stream == nullptr) return false;
  // What lies within the window behind the position counts as seen.
  if (position.highest_rtp_index) {
    const uint64_t highest = *position.highest_rtp_index;
    const uint64_t first = highest >= ReplayWindow::kSize ? highest - ReplayWindow::kSize + 1 : 0;
    for (uint64_t index = first; index <= highest; ++index) stream->rtp.Accept(index);
  }
  stream->next_rtcp_index = position.next_rtcp_index;
  return true;
}

base::FixedVector<StreamPosition, SrtpSession::kMaxSsrcs> SrtpSession::Positions() const {
  base::FixedVector<StreamPosition, kMaxSsrcs> positions;
  for (const Stream& stream : streams_) {
    StreamPosition position{stream.ssrc, std::nullopt, stream.next_rtcp_index};
    if (stream.rtp.has_any()) position.highest_rtp_index = stream.rtp.highest();
    (void)positions.PushBack(position);
  }
  return positions;
}

}  // namespace byon::srtp
