#include "tools/load/outbox.h"

#include <algorithm>
#include <array>

namespace byon::load {

PacketBuffer& Outbox::Next(base::Timestamp now) {
  if (count_ == kCapacity) Flush(now);
  return staged_[count_].buffer;
}

void Outbox::Commit(int fd, const KernelAddress& to, srtp::SrtpSession* session, const WeatherPath::Fate& fate) {
  Staged& packet = staged_[count_++];
  packet.fd = fd;
  packet.to = &to;
  packet.session = session;
  packet.delay = fate.delay;
  packet.is_duplicated = fate.is_duplicated;
}

void Outbox::Encrypt() {
  burst_.clear();
  for (size_t i = 0; i < count_; ++i) {
    if (staged_[i].session == nullptr) continue;
    burst_.push_back({staged_[i].session, staged_[i].buffer.room(), staged_[i].buffer.size, std::nullopt});
  }
  if (burst_.empty()) return;
  srtp::ProtectRtpBurst(transform_, burst_);
  size_t next = 0;
  for (size_t i = 0; i < count_; ++i) {
    if (staged_[i].session == nullptr) continue;
    const srtp::BurstPacket& done = burst_[next++];
    staged_[i].buffer.size = done.drop ? 0 : done.length;
  }
}

void Outbox::Flush(base::Timestamp now) {
  Encrypt();
  at_once_.clear();
  for (size_t i = 0; i < count_; ++i) {
    Staged& packet = staged_[i];
    if (packet.buffer.size == 0) continue;
    if (packet.delay == base::TimeDelta()) {
      at_once_.push_back(&packet);
      if (packet.is_duplicated) at_once_.push_back(&packet);
      continue;
    }
    const auto bytes = packet.buffer.packet();
    for (int copy = packet.is_duplicated ? 2 : 1; copy > 0; --copy) {
      delayed_.push({now + packet.delay, order_++, packet.fd, *packet.to, {bytes.begin(), bytes.end()}});
    }
  }
  // By socket, in their order.
  std::ranges::stable_sort(at_once_, {}, [](const Staged* packet) { return packet->fd; });
  for (size_t start = 0; start < at_once_.size();) {
    size_t end = start + 1;
    while (end < at_once_.size() && at_once_[end]->fd == at_once_[start]->fd && end - start < 64) ++end;
    SendTogether(std::span(at_once_).subspan(start, end - start));
    start = end;
  }
  count_ = 0;
}

void Outbox::SendTogether(std::span<Staged* const> packets) {
  std::array<mmsghdr, 64> headers{};
  std::array<iovec, 64> vectors;
  for (size_t i = 0; i < packets.size(); ++i) {
    vectors[i] = {packets[i]->buffer.bytes.data(), packets[i]->buffer.size};
    headers[i].msg_hdr.msg_name = const_cast<sockaddr_storage*>(&packets[i]->to->storage);
    headers[i].msg_hdr.msg_namelen = packets[i]->to->length;
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  for (size_t sent = 0; sent < packets.size();) {
    const int count = sendmmsg(packets.front()->fd, &headers[sent], static_cast<unsigned>(packets.size() - sent), 0);
    // One that cannot go is lost like any other packet; the gateway's counts show it.
    sent += count > 0 ? static_cast<size_t>(count) : 1;
  }
}

base::Timestamp Outbox::SendDelayed(base::Timestamp now) {
  while (!delayed_.empty() && delayed_.top().due <= now) {
    const Delayed& packet = delayed_.top();
    (void)sendto(packet.fd, packet.bytes.data(), packet.bytes.size(), 0,
                 reinterpret_cast<const sockaddr*>(&packet.to.storage), packet.to.length);
    delayed_.pop();
  }
  return delayed_.empty() ? base::Timestamp::Infinite() : delayed_.top().due;
}

}  // namespace byon::load
