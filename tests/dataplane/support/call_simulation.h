#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/worker/handshake_service.h"
#include "dataplane/worker/worker.h"
#include "tests/dataplane/support/fake_browser.h"
#include "tests/dataplane/support/fake_ims_endpoint.h"
#include "tests/dataplane/support/fake_packet_io.h"

namespace byon::test {

// One certificate a process: making them is slow.
const dtls::DtlsContext& GatewayDtlsContext();
const dtls::DtlsContext& BrowserDtlsContext();

pipeline::StreamFormat OpusFormat();
pipeline::StreamFormat AmrWbFormat();
pipeline::StreamFormat AmrFormat();
// As good as any where the codec is not what is tested, and fifty times cheaper.
pipeline::StreamFormat PcmuFormat();

// A worker, a handshake service and the two ends of one call, in simulated time: each step is 1 ms and
// every datagram takes no time, unless the test takes it in its own hands by `filter`.
class CallSimulation {
 public:
  static constexpr uint8_t kEventPayloadType = 101;
  // Puts the test's own packet I/O between the worker and the simulation's.
  using WrapIo = std::function<std::unique_ptr<worker::PacketIo>(worker::PacketIo&)>;

  explicit CallSimulation(dtls::DtlsRole browser_dtls_role = dtls::DtlsRole::kClient,
                          worker::WorkerConfig worker_config = {},
                          const pipeline::StreamFormat& browser_format = OpusFormat(),
                          const pipeline::StreamFormat& ims_format = AmrWbFormat(), const WrapIo& wrap_io = {});

  // The control thread's side. Submit() gives the command to the worker and runs one step.
  session::SessionConfig MakeSessionConfig(uint64_t serial = 1, uint16_t first_port = 20000) const;
  session::AccessRemote MakeAccessRemote() const;
  session::ImsRemote MakeImsRemote() const;
  worker::Reply Submit(worker::SessionHandle handle, decltype(worker::Command::body) body);
  // Makes the session and gives it both remote ends.
  worker::CommandStatus Create(std::optional<session::AccessRemote> access, std::optional<session::ImsRemote> ims);
  worker::CommandStatus Modify(session::SessionDescriptions descriptions);
  // Sets the whole call up and lets it run until DTLS is through and audio flows.
  void Connect();
  session::SessionStats Stats();
  worker::WorkerStats WorkerStats();
  uint64_t Drops(session::DropReason reason) { return WorkerStats().drops.of(reason); }

  void Run(base::TimeDelta duration);
  // Runs until it is true; false when that takes longer than `limit`.
  bool RunUntil(const std::function<bool()>& is_true, base::TimeDelta limit);
  void Step();

  // Decides over each datagram towards the gateway: true lets it pass.
  std::function<bool(const TestDatagram&)> filter = [](const TestDatagram&) { return true; };
  // The worker's turn, for a test that puts something around it.
  std::function<void(base::Timestamp)> run_turn = [this](base::Timestamp now) { worker_->RunOnce(now); };
  // Datagrams from the gateway to nobody known.
  const std::vector<TestDatagram>& astray() const { return astray_; }
  void ForgetAstray() { astray_.clear(); }

  template <typename Event>
  std::vector<Event> Events() const {
    std::vector<Event> found;
    for (const worker::EventReport& report : events_) {
      if (const auto* event = std::get_if<Event>(&report.event)) found.push_back(*event);
    }
    return found;
  }
  void ForgetEvents() { events_.clear(); }

  base::Timestamp now() const { return now_; }
  worker::SessionHandle handle() const { return handle_; }
  FakePacketIo& io() { return io_; }
  FakeBrowser& browser() { return *browser_; }
  FakeImsEndpoint& ims() { return *ims_; }
  // Another phone: only its packets are moved; add as many as the test needs.
  FakeImsEndpoint& AddIms(uint16_t port, uint32_t ssrc, double tone_hz);
  // The phone of another session on the same worker.
  FakeImsEndpoint& AddImsOf(const session::SessionConfig& session, uint16_t port, const pipeline::StreamFormat& format,
                            uint32_t ssrc, double tone_hz);
  worker::Worker& gateway_worker() { return *worker_; }
  worker::WorkerMailbox& mailbox() { return mailbox_; }
  worker::HandshakeMailbox& handshakes() { return handshakes_; }
  worker::HandshakeService& handshake_service() { return *handshake_service_; }
  bool does_handshakes = true;

 private:
  void Carry();
  void TakeReports();

  const pipeline::StreamFormat browser_format_;
  const pipeline::StreamFormat ims_format_;
  base::Timestamp now_ = base::Timestamp::FromMilliseconds(1'000'000);
  FakePacketIo io_;
  std::unique_ptr<worker::PacketIo> wrapped_io_;
  worker::WorkerMailbox mailbox_;
  worker::HandshakeMailbox handshakes_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<worker::HandshakeService> handshake_service_;
  std::unique_ptr<FakeBrowser> browser_;
  std::unique_ptr<FakeImsEndpoint> ims_;
  std::vector<std::unique_ptr<FakeImsEndpoint>> more_ims_;
  session::SessionAudio audio_;
  worker::SessionHandle handle_ = 0;
  uint64_t next_command_ = 1;
  std::vector<worker::Reply> replies_;
  std::vector<worker::EventReport> events_;
  std::vector<TestDatagram> astray_;
};

}  // namespace byon::test
