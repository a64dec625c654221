#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/session/session_output.h"
#include "tests/dataplane/support/fake_packet_io.h"

namespace byon::test {

// Keeps what a session sends, unprotected, and what it tells the handshake thread.
class FakeSessionOutput final : public session::SessionOutput {
 public:
  session::TxBuffer Allocate() override {
    if (!has_buffers) return {};
    ++lent_;
    auto* storage = new std::array<std::byte, session::kMinTxCapacity>();
    return {storage->data(), storage->size(), storage};
  }
  void Free(const session::TxBuffer& buffer) override {
    --lent_;
    delete static_cast<std::array<std::byte, session::kMinTxCapacity>*>(buffer.handle);
  }
  void Send(const session::OutgoingDatagram& datagram, srtp::SrtpSession*) override {
    const base::ByteSpan bytes = datagram.payload();
    sent_.push_back(
        {datagram.source, datagram.destination, std::vector<std::byte>(bytes.begin(), bytes.end()), datagram.dscp});
    Free(datagram.buffer);
  }
  bool SendToHandshake(session::HandshakeRequest&& request) override {
    if (!has_handshake_room) return false;
    requests_.push_back(std::move(request));
    return true;
  }
  srtp::SrtpTransform& transform() override { return *transform_; }
  base::Timestamp time() const override { return now; }
  rtp::NtpTime wall_clock() const override { return now_ntp; }

  bool has_buffers = true;
  bool has_handshake_room = true;
  base::Timestamp now;
  rtp::NtpTime now_ntp;
  const std::vector<TestDatagram>& sent() const { return sent_; }
  std::vector<session::HandshakeRequest>& requests() { return requests_; }
  size_t lent_buffers() const { return lent_; }

 private:
  std::unique_ptr<srtp::SrtpTransform> transform_ = srtp::MakeSrtpTransform(srtp::SrtpBackend::kOpenSsl);
  std::vector<TestDatagram> sent_;
  std::vector<session::HandshakeRequest> requests_;
  size_t lent_ = 0;
};

}  // namespace byon::test
