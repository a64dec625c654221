#include "dataplane/worker/handshake_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using session::HandshakeReport;
using session::HandshakeRequest;

base::Timestamp SteadyNow() {
  return base::Timestamp::FromNanoseconds(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

// The test's thread is the worker: it carries a client's datagrams to the thread by the rings.
TEST(HandshakeThreadTest, ShakesHandsWithManyClientsAtOnce) {
  constexpr size_t kClients = 20;
  worker::HandshakeMailbox mailbox;
  worker::HandshakeThread thread(GatewayDtlsContext(), srtp::SrtpBackend::kOpenSsl, {&mailbox}, SteadyNow);
  std::vector<dtls::DtlsTransport> clients;
  const auto push = [&](HandshakeRequest request) {
    while (!mailbox.requests.Push(std::move(request))) std::this_thread::yield();
    mailbox.signal->Notify();
  };
  const auto carry = [&](size_t i) {
    while (const auto datagram = clients[i].PollDatagram()) {
      HandshakeRequest request;
      request.kind = HandshakeRequest::Kind::kDatagram;
      request.session = i;
      request.association = 1;
      request.datagram.size = datagram->size;
      std::memcpy(request.datagram.storage.data(), datagram->storage.data(), datagram->size);
      push(std::move(request));
    }
  };
  for (size_t i = 0; i < kClients; ++i) {
    HandshakeRequest start;
    start.kind = HandshakeRequest::Kind::kStart;
    start.session = i;
    start.association = 1;
    (void)start.fingerprints.PushBack(BrowserDtlsContext().fingerprint());
    push(std::move(start));
    clients.emplace_back(BrowserDtlsContext(), dtls::DtlsRole::kClient);
    clients[i].SetRemoteFingerprints(std::array{GatewayDtlsContext().fingerprint()});
    clients[i].Start(SteadyNow());
    carry(i);
  }
  size_t connected = 0;
  const base::Timestamp give_up = SteadyNow() + base::TimeDelta::Seconds(30);
  while (connected < kClients && SteadyNow() < give_up) {
    auto report = mailbox.reports.Pop();
    if (!report) {
      std::this_thread::yield();
      continue;
    }
    if (report->kind == HandshakeReport::Kind::kDatagram) {
      clients[report->session].HandleDatagram(report->datagram.bytes(), SteadyNow());
      carry(report->session);
      continue;
    }
    ASSERT_EQ(report->kind, HandshakeReport::Kind::kConnected);
    ASSERT_TRUE(report->srtp.inbound && report->srtp.outbound);
    EXPECT_EQ(report->srtp.inbound->profile(), srtp::SrtpProfile::kAeadAes128Gcm);
    ++connected;
    HandshakeRequest discard;  // the thread frees what the worker no longer needs
    discard.kind = HandshakeRequest::Kind::kDiscard;
    discard.retired = std::move(report->srtp);
    push(std::move(discard));
  }
  EXPECT_EQ(connected, kClients);
}

TEST(HandshakeServiceTest, AWorkerThatDoesNotReadHoldsUpOnlyItself) {
  worker::HandshakeMailbox idle;
  worker::HandshakeMailbox lively;
  worker::HandshakeService service(GatewayDtlsContext(), srtp::SrtpBackend::kOpenSsl, {&idle, &lively});
  const base::Timestamp now = SteadyNow();
  // As a client each start makes a ClientHello: reports that nobody reads.
  uint64_t started = 0;
  for (int turn = 0; turn < 2'000; ++turn) {
    HandshakeRequest start;
    start.kind = HandshakeRequest::Kind::kStart;
    start.session = started;
    start.role = dtls::DtlsRole::kClient;
    if (idle.requests.Push(std::move(start))) ++started;
    (void)service.RunOnce(now);
  }
  EXPECT_LE(service.association_count(), 256 + worker::HandshakeService::kMaxUnreadReports + 1);
  HandshakeRequest start;
  start.kind = HandshakeRequest::Kind::kStart;
  start.role = dtls::DtlsRole::kClient;
  ASSERT_TRUE(lively.requests.Push(std::move(start)));
  (void)service.RunOnce(now);
  const auto report = lively.reports.Pop();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, HandshakeReport::Kind::kDatagram);
}

TEST(HandshakeServiceTest, StopForgetsTheAssociationAndItsTimer) {
  worker::HandshakeMailbox mailbox;
  worker::HandshakeService service(GatewayDtlsContext(), srtp::SrtpBackend::kOpenSsl, {&mailbox});
  const base::Timestamp now = SteadyNow();
  HandshakeRequest start;
  start.kind = HandshakeRequest::Kind::kStart;
  start.session = 7;
  start.association = 3;
  start.role = dtls::DtlsRole::kClient;
  ASSERT_TRUE(mailbox.requests.Push(std::move(start)));
  (void)service.RunOnce(now);
  EXPECT_EQ(service.association_count(), 1u);
  EXPECT_FALSE(service.NextDeadline().is_infinite());
  HandshakeRequest stop;
  stop.kind = HandshakeRequest::Kind::kStop;
  stop.session = 7;
  stop.association = 3;
  ASSERT_TRUE(mailbox.requests.Push(std::move(stop)));
  (void)service.RunOnce(now);
  EXPECT_EQ(service.association_count(), 0u);
  EXPECT_TRUE(service.NextDeadline().is_infinite());
}

}  // namespace
}  // namespace byon::test
