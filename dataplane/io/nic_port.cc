#include "dataplane/io/nic_port.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "dataplane/base/check.h"

namespace byon::io {
namespace {

using worker::OpenPortResult;

// Ethernet, VLAN, IPv6 and UDP fit the headroom that every mbuf has.
static_assert(net::kEthernetHeaderBytes + net::kVlanTagBytes + net::kIpv6HeaderBytes + net::kUdpHeaderBytes <=
              RTE_PKTMBUF_HEADROOM);

base::MutableByteSpan FrameBytes(rte_mbuf* frame) { return {rte_pktmbuf_mtod(frame, std::byte*), frame->data_len}; }

net::ChecksumStatus ChecksumsOf(const rte_mbuf& frame) {
  using Verdict = net::ChecksumStatus::Verdict;
  const auto verdict = [&](uint64_t mask, uint64_t good, uint64_t bad) {
    const uint64_t flags = frame.ol_flags & mask;
    return flags == good ? Verdict::kGood : flags == bad ? Verdict::kBad : Verdict::kUnknown;
  };
  return {verdict(RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD),
          verdict(RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD)};
}

// The coarse cause under which a drop is counted beside the exact one.
DropReason CoarseReason(net::DropReason reason) {
  switch (reason) {
    case net::DropReason::kTruncatedFrame:
    case net::DropReason::kTooBigForMtu: return DropReason::kTruncated;
    case net::DropReason::kBadIpChecksum:
    case net::DropReason::kBadUdpChecksum:
    case net::DropReason::kBadIcmpChecksum: return DropReason::kBadChecksum;
    case net::DropReason::kNotOurMac:
    case net::DropReason::kWrongVlan:
    case net::DropReason::kNotOurAddress: return DropReason::kNotForUs;
    case net::DropReason::kNoRoute: return DropReason::kNoRoute;
    case net::DropReason::kNoSourceAddress: return DropReason::kNoSocket;
    case net::DropReason::kNeighbourPending:
    case net::DropReason::kNeighbourUnreachable:
    case net::DropReason::kNeighbourTableFull: return DropReason::kNoNeighbour;
    default: return DropReason::kMalformed;
  }
}

}  // namespace

NicPort::NicPort(NicDevice& device, size_t worker, IdlePolicy idle_policy)
    : device_(device),
      worker_(worker),
      idle_policy_(idle_policy),
      host_(std::make_unique<net::IpHost>(device.config_.host)) {
  if (worker == 0) host_->Announce();
}

NicPort::~NicPort() {
  for (size_t i = 0; i < pending_count_; ++i) rte_pktmbuf_free(pending_[i]);
  // What waits for neighbours comes back when they are given up.
  for (int i = 0; i <= net::NeighbourTable::kMaxSolicitations; ++i) {
    if (!host_->NextDeadline().is_infinite()) host_->HandleTimeout(host_->NextDeadline());
    while (const auto ready = host_->PollReady()) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(ready->packet));
    }
    while (const auto packet = host_->PollUnreachable()) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(*packet));
    }
  }
}

OpenPortResult NicPort::OpenPort(const net::SocketAddress& local) {
  if (local.port == 0 || !host_->IsOwnAddress(local.ip)) return OpenPortResult::kAddressNotHere;
  if (!device_.hand_over_.Claim(local.port, worker_)) return OpenPortResult::kInUse;
  (*device_.local_ips_)[local.port] = local.ip;
  return OpenPortResult::kOpened;
}

void NicPort::ClosePort(const net::SocketAddress& local) {
  if (device_.hand_over_.OwnerOf(local.port) != worker_) return;
  device_.hand_over_.Disclaim(local.port);
}

void NicPort::CountNetDrop(net::DropReason reason) {
  auto& counter = net_drops_[static_cast<size_t>(reason)];
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  drops_.Count(CoarseReason(reason));
}

void NicPort::DropFrame(rte_mbuf* frame, DropReason reason) {
  drops_.Count(reason);
  rte_pktmbuf_free(frame);
}

size_t NicPort::ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp now) {
  std::array<rte_mbuf*, kBurst> frames;
  const size_t room = std::min(datagrams.size(), kBurst);
  size_t count = 0;
  const size_t given = device_.hand_over_.Take(worker_, std::span(frames).first(room));
  for (size_t i = 0; i < given; ++i) {
    if (Deliver(frames[i], Origin::kOtherWorker, datagrams[count], now)) ++count;
  }
  const uint16_t arrived = rte_eth_rx_burst(device_.port_id_, static_cast<uint16_t>(worker_), frames.data(),
                                            static_cast<uint16_t>(room - count));
  for (size_t i = 0; i < arrived; ++i) {
    if (Deliver(frames[i], Origin::kQueue, datagrams[count], now)) ++count;
  }
  SendHostFrames(now);
  return count;
}

// Puts the frame's datagram into `datagram`, or the frame where it belongs.
bool NicPort::Deliver(rte_mbuf* frame, Origin origin, worker::ReceivedDatagram& datagram, base::Timestamp now) {
  // A frame in several pieces is larger than the MTU allows.
  if (frame->nb_segs != 1) {
    DropFrame(frame, DropReason::kTruncated);
    return false;
  }
  const base::MutableByteSpan bytes = FrameBytes(frame);
  const auto verdict =
      origin == Origin::kQueue ? host_->HandleFrame(bytes, ChecksumsOf(*frame), now) : host_->Overhear(bytes, now);
  if (const auto* reason = std::get_if<net::DropReason>(&verdict)) {
    CountNetDrop(*reason);
    rte_pktmbuf_free(frame);
    return false;
  }
  if (const auto* consumed = std::get_if<net::IpHost::Consumed>(&verdict)) {
    if (consumed->is_neighbour_news && origin == Origin::kQueue) TellOtherWorkers(frame);
    rte_pktmbuf_free(frame);
    // Before the next frame, which may want an answer of its own.
    if (origin == Origin::kQueue) SendHostFrames(now);
    return false;
  }
  const auto& udp = std::get<net::IpHost::UdpDatagram>(verdict);
  const auto owner = device_.hand_over_.OwnerOf(udp.destination.port);
  if (!owner) {
    DropFrame(frame, DropReason::kNoOwner);
    return false;
  }
  if (*owner != worker_) {
    HandOverTo(*owner, frame);
    return false;
  }
  if ((*device_.local_ips_)[udp.destination.port] != udp.destination.ip) {
    DropFrame(frame, DropReason::kNotForUs);
    return false;
  }
  if (origin == Origin::kOtherWorker) ++handed_over_;
  datagram.source = udp.source;
  datagram.destination = udp.destination;
  datagram.payload = bytes.subspan(udp.payload_offset, udp.payload_bytes);
  datagram.handle = frame;
  return true;
}

void NicPort::HandOverTo(size_t owner, rte_mbuf* frame) {
  if (!device_.hand_over_.Give(owner, frame)) DropFrame(frame, DropReason::kHandOverFull);
}

void NicPort::TellOtherWorkers(rte_mbuf* frame) {
  for (size_t other = 0; other < device_.hand_over_.worker_count(); ++other) {
    if (other == worker_) continue;
    rte_mbuf* copy = rte_pktmbuf_copy(frame, device_.pool_, 0, UINT32_MAX);
    if (copy == nullptr) return drops_.Count(DropReason::kNoMbuf);
    HandOverTo(other, copy);
  }
}

// Puts on the wire what the host has to say, and what waited for a neighbour.
void NicPort::SendHostFrames(base::Timestamp now) {
  if (now >= host_->NextDeadline()) host_->HandleTimeout(now);
  while (host_->has_frames()) {
    rte_mbuf* frame = rte_pktmbuf_alloc(device_.pool_);
    if (frame == nullptr) return drops_.Count(DropReason::kNoMbuf);
    const base::MutableByteSpan room(rte_pktmbuf_mtod(frame, std::byte*), rte_pktmbuf_tailroom(frame));
    const auto size = host_->PollFrame(room);
    if (!size) {
      rte_pktmbuf_free(frame);  // it does not fit, or has no address to speak from
      continue;
    }
    frame->data_len = static_cast<uint16_t>(*size);
    frame->pkt_len = frame->data_len;
    Enqueue(frame);
  }
  while (const auto ready = host_->PollReady()) {
    auto* frame = static_cast<rte_mbuf*>(ready->packet);
    std::memcpy(FrameBytes(frame).data(), ready->mac.octets.data(), ready->mac.octets.size());
    Enqueue(frame);
  }
  while (const auto packet = host_->PollUnreachable()) {
    CountNetDrop(net::DropReason::kNeighbourUnreachable);
    rte_pktmbuf_free(static_cast<rte_mbuf*>(*packet));
  }
}

void NicPort::Release(std::span<const worker::ReceivedDatagram> datagrams) {
  for (const worker::ReceivedDatagram& datagram : datagrams) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(datagram.handle));
  }
}

worker::TxBuffer NicPort::Allocate() {
  rte_mbuf* frame = rte_pktmbuf_alloc(device_.pool_);
  if (frame == nullptr) {
    drops_.Count(DropReason::kNoMbuf);
    return {};
  }
  return {rte_pktmbuf_mtod(frame, std::byte*), rte_pktmbuf_tailroom(frame), frame};
}

void NicPort::Free(const worker::TxBuffer& buffer) { rte_pktmbuf_free(static_cast<rte_mbuf*>(buffer.handle)); }

void NicPort::Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp now) {
  for (const worker::OutgoingDatagram& datagram : datagrams) SendOne(datagram, now);
}

void NicPort::SendOne(const worker::OutgoingDatagram& datagram, base::Timestamp now) {
  auto* frame = static_cast<rte_mbuf*>(datagram.buffer.handle);
  BYON_CHECK(datagram.size <= datagram.buffer.capacity, "a payload lies within its buffer");
  if (device_.hand_over_.OwnerOf(datagram.source.port) != worker_) {
    return DropFrame(frame, DropReason::kNoSocket);
  }
  const net::IpAddress& destination = datagram.destination.ip;
  const size_t header_bytes = host_->UdpHeaderBytes(destination);
  frame->data_len = static_cast<uint16_t>(datagram.size);
  frame->pkt_len = frame->data_len;
  (void)rte_pktmbuf_prepend(frame, static_cast<uint16_t>(header_bytes));
  const auto verdict =
      host_->PrepareUdp(FrameBytes(frame), datagram.source, datagram.destination, datagram.dscp, frame, now);
  if (const auto* reason = std::get_if<net::DropReason>(&verdict)) {
    CountNetDrop(*reason);
    return rte_pktmbuf_free(frame);
  }
  if (device_.config_.host.offload_udp_checksum) {
    const bool is_v4 = destination.is_v4();
    frame->l3_len = is_v4 ? net::kIpv4HeaderBytes : net::kIpv6HeaderBytes;
    frame->l2_len = (header_bytes - net::kUdpHeaderBytes - frame->l3_len) & 0x7f;
    // NICs do without; drivers that sum in software (tap) find the checksum by it.
    frame->l4_len = net::kUdpHeaderBytes;
    frame->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM | (is_v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
  }
  switch (std::get<net::IpHost::SendState>(verdict)) {
    case net::IpHost::SendState::kReady: return Enqueue(frame);
    case net::IpHost::SendState::kWaiting: return;
    case net::IpHost::SendState::kLoopback: break;
  }
  const auto owner = device_.hand_over_.OwnerOf(datagram.destination.port);
  if (!owner) return DropFrame(frame, DropReason::kNoOwner);
  HandOverTo(*owner, frame);
}

void NicPort::Enqueue(rte_mbuf* frame) {
  if (pending_count_ == kBurst) PushPending();
  pending_[pending_count_++] = frame;
}

void NicPort::Flush(base::Timestamp now) {
  SendHostFrames(now);
  PushPending();
}

void NicPort::PushPending() {
  if (pending_count_ == 0) return;
  const auto queue = static_cast<uint16_t>(worker_);
  const auto count = static_cast<uint16_t>(pending_count_);
  uint16_t good = count;
  // The driver's own last touches for checksums that the NIC finishes.
  if (device_.config_.host.offload_udp_checksum) {
    good = rte_eth_tx_prepare(device_.port_id_, queue, pending_.data(), count);
  }
  const uint16_t sent = rte_eth_tx_burst(device_.port_id_, queue, pending_.data(), good);
  for (uint16_t i = sent; i < count; ++i) {
    DropFrame(pending_[i], i < good ? DropReason::kTxQueueFull : DropReason::kSendFailed);
  }
  pending_count_ = 0;
}

void NicPort::Wait(base::Timestamp now, base::Timestamp until) {
  if (!device_.hand_over_.IsEmpty(worker_)) return;
  SpendIdleTime(idle_policy_, now, std::min(until, host_->NextDeadline()));
}

}  // namespace byon::io
