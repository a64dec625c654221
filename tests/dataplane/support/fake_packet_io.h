#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/worker/packet_io.h"

namespace byon::test {

struct TestDatagram {
  net::SocketAddress source;
  net::SocketAddress destination;
  std::vector<std::byte> payload;
  uint8_t dscp = 0;
};

// A packet I/O in memory: what a test delivers is received, what the worker sends is kept. It counts
// its buffers, so that a test sees one that was lost.
class FakePacketIo final : public worker::PacketIo {
 public:
  explicit FakePacketIo(size_t buffer_count = 4096) : storage_(buffer_count) {
    for (Storage& each : storage_) free_.push_back(&each);
  }

  void Deliver(TestDatagram datagram) { arrived_.push_back(std::move(datagram)); }
  // What was flushed since the last call.
  std::vector<TestDatagram> TakeSent() { return std::exchange(on_the_wire_, {}); }
  size_t lent_buffers() const { return storage_.size() - free_.size(); }
  size_t unreleased_datagrams() const { return lent_datagrams_; }
  const std::set<net::SocketAddress>& open_ports() const { return open_; }
  void SetOpenResult(const net::SocketAddress& local, worker::OpenPortResult result) {
    refused_.emplace_back(local, result);
  }
  // From now on Allocate() fails.
  void TakeBuffersAway() { free_.clear(); }
  base::Timestamp waited_until() const { return waited_until_; }
  size_t waits() const { return waits_; }

  worker::OpenPortResult OpenPort(const net::SocketAddress& local) override {
    for (const auto& [address, result] : refused_) {
      if (address == local) return result;
    }
    open_.insert(local);
    return worker::OpenPortResult::kOpened;
  }
  void ClosePort(const net::SocketAddress& local) override { open_.erase(local); }

  size_t ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp) override {
    size_t count = 0;
    while (count < datagrams.size() && !arrived_.empty()) {
      TestDatagram& datagram = *in_flight_.insert(in_flight_.end(), std::move(arrived_.front()));
      arrived_.pop_front();
      datagrams[count++] = {datagram.source, datagram.destination, datagram.payload, nullptr};
    }
    lent_datagrams_ += count;
    return count;
  }
  void Release(std::span<const worker::ReceivedDatagram> datagrams) override {
    lent_datagrams_ -= datagrams.size();
    if (lent_datagrams_ == 0) in_flight_.clear();
  }

  worker::TxBuffer Allocate() override {
    if (free_.empty()) return {};
    Storage* const storage = free_.back();
    free_.pop_back();
    return {storage->data(), storage->size(), storage};
  }
  void Free(const worker::TxBuffer& buffer) override { free_.push_back(static_cast<Storage*>(buffer.handle)); }
  void Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp) override {
    for (const worker::OutgoingDatagram& datagram : datagrams) {
      const base::ByteSpan bytes = datagram.payload();
      queued_.push_back(
          {datagram.source, datagram.destination, std::vector<std::byte>(bytes.begin(), bytes.end()), datagram.dscp});
      Free(datagram.buffer);
    }
  }
  void Flush(base::Timestamp) override {
    for (TestDatagram& datagram : queued_) on_the_wire_.push_back(std::move(datagram));
    queued_.clear();
  }
  void Wait(base::Timestamp, base::Timestamp until) override {
    waited_until_ = until;
    ++waits_;
  }
  uint64_t handed_over() const override { return 0; }

 private:
  using Storage = std::array<std::byte, session::kMinTxCapacity>;
  std::vector<Storage> storage_;
  std::vector<Storage*> free_;
  std::deque<TestDatagram> arrived_;
  std::deque<TestDatagram> in_flight_;  // lent to the worker
  size_t lent_datagrams_ = 0;
  std::vector<TestDatagram> queued_;
  std::vector<TestDatagram> on_the_wire_;
  std::set<net::SocketAddress> open_;
  std::vector<std::pair<net::SocketAddress, worker::OpenPortResult>> refused_;
  base::Timestamp waited_until_;
  size_t waits_ = 0;
};

}  // namespace byon::test
