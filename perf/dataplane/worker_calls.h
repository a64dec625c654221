#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/worker/worker.h"
#include "perf/dataplane/send_times.h"

namespace byon::perf {

// CPU time of this thread, which other programs on the machine disturb least.
std::chrono::nanoseconds ThreadTime();

// What one end of a call sends, 20 ms a payload, again and again; an empty one is a pause.
struct Media {
  pipeline::StreamFormat format;
  std::vector<std::vector<std::byte>> payloads;
};
// Encodes `samples`, at the format's own clock rate.
Media EncodeMedia(const pipeline::StreamFormat& format, std::span<const int16_t> samples);
pipeline::StreamFormat FormatOf(codec::Codec codec, uint8_t payload_type);

struct ArrivedPacket {
  net::SocketAddress source;
  net::SocketAddress destination;
  std::array<std::byte, 1500> bytes;
  size_t size = 0;
};

// A real port between the worker and the ends of its calls, instead of none: both of its sides are moved by the thread
// of the worker, the far one outside the measured time.
struct Wire {
  worker::PacketIo* near = nullptr;
  worker::PacketIo* far = nullptr;
  net::IpAddress gateway;  // the near side's
  net::IpAddress peer;
  uint16_t first_port = 10'000;  // of the gateway
  net::SocketAddress browser;    // all of them, at the far side
  net::SocketAddress phone;
};

// Hands out a prepared list and forgets what is sent, or moves both by a wire.
class BenchmarkIo final : public worker::PacketIo {
 public:
  // Null: no wire. It must outlive the I/O.
  explicit BenchmarkIo(const Wire* wire) : wire_(wire) {}
  ~BenchmarkIo() override;

  std::deque<ArrivedPacket> arrived;
  uint64_t sent = 0;
  base::Timestamp waited_until;
  bool has_waited = false;
  // The moment of the turn in simulated time, the CPU time at its start, and what is seen of what
  // leaves in it; null: nobody looks.
  base::Timestamp turn;
  std::chrono::nanoseconds turn_started{};
  SendTimes* times = nullptr;
  uint32_t access_clock_hz = 0, ims_clock_hz = 0;

  // What has arrived goes out at the far side, and what came there is taken away.
  void Carry(base::Timestamp now);

  worker::OpenPortResult OpenPort(const net::SocketAddress& local) override;
  void ClosePort(const net::SocketAddress& local) override;
  size_t ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp now) override;
  void Release(std::span<const worker::ReceivedDatagram> datagrams) override {
    if (wire_) wire_->near->Release(datagrams);
  }
  worker::TxBuffer Allocate() override {
    if (wire_) return wire_->near->Allocate();
    auto& storage = storage_[next_buffer_++ % storage_.size()];
    return {storage.data(), storage.size(), nullptr};
  }
  void Free(const worker::TxBuffer& buffer) override {
    if (wire_) wire_->near->Free(buffer);
  }
  void Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp now) override;
  void Flush(base::Timestamp now) override {
    if (wire_) wire_->near->Flush(now);
  }
  void Wait(base::Timestamp, base::Timestamp until) override {
    waited_until = until;
    has_waited = true;
  }
  uint64_t handed_over() const override { return 0; }
  bool has_arrivals() const { return next_ < arrived.size(); }

 private:
  void NoteTimes(std::span<const worker::OutgoingDatagram> datagrams);

  const Wire* const wire_;
  std::vector<net::SocketAddress> open_;  // on the wire
  size_t next_ = 0;
  std::array<std::array<std::byte, session::kMinTxCapacity>, 512> storage_;
  size_t next_buffer_ = 0;
};

// One end's RTP under its own sequence numbers; `start` is where in the media it begins.
class MediaSender {
 public:
  MediaSender(const Media& media, uint32_t ssrc, size_t start) : media_(&media), ssrc_(ssrc), position_(start) {}
  // The next 20 ms; 0 in a pause.
  size_t Write(base::MutableByteSpan buffer);

 private:
  const Media* media_;
  uint32_t ssrc_;
  size_t position_;
  uint16_t sequence_ = 0;
  uint32_t timestamp_ = 0;
};

// `count` connected calls on one worker in memory: the real worker, sessions, SRTP, jitter buffers
// and codecs, without sockets. Packets are made outside the measured time.
class WorkerCalls {
 public:
  struct Config {
    size_t count = 1;
    const Media* from_browser = nullptr;  // outlives the calls
    const Media* from_phone = nullptr;
    srtp::SrtpProfile profile = srtp::SrtpProfile::kAeadAes128Gcm;
    bool use_amr_wb_batch = true;
    const Wire* wire = nullptr;  // null: packets are handed over in memory
    // Somebody else reads the mailbox's reports while Run() runs, as the control thread does.
    bool has_control_thread = false;
  };
  explicit WorkerCalls(const Config& config);

  // By hand: two packets for every call, or for one of `parts` parts of them; whether the worker has not
  // taken all of them; one turn of the worker and what it cost; simulated time.
  void Arrive() { Arrive(0, 1); }
  void Arrive(size_t part, size_t parts);
  bool has_arrivals() const { return io_.has_arrivals(); }
  std::chrono::nanoseconds Turn();
  void Advance(base::TimeDelta delta) { now_ += delta; }

  // By itself: each call's packets come at a moment of its own in every 20 ms. The worker's clock
  // is what it spends of the CPU, and stands only while it waits: a worker with too much to do gets
  // late.
  void Run(base::TimeDelta duration);

  std::chrono::nanoseconds busy() const { return busy_; }
  // Set while the worker, and not the benchmark, has the CPU: for a profiler's signal handler.
  const std::atomic<bool>& is_working() const { return is_working_; }
  uint64_t sent() const { return io_.sent; }
  // Looks at when packets leave, from now on; costs the worker a little.
  void Watch(SendTimes& times) { io_.times = &times; }
  worker::WorkerStats Stats() const { return worker_.Stats(); }
  // What a session takes of the heap, its codecs and keys included.
  size_t heap_bytes_per_call() const { return heap_bytes_ / calls_.size(); }
  const codec::AmrWbBatch* batch() const { return mailbox_.amr_wb_batch; }
  worker::WorkerMailbox& mailbox() { return mailbox_; }
  worker::HandshakeMailbox& handshakes() { return handshakes_; }

 private:
  struct Call {
    net::SocketAddress access;
    net::SocketAddress ims;
    srtp::SrtpSession srtp;
    MediaSender from_browser;
    MediaSender from_phone;
    base::TimeDelta phase;
  };

  void Connect(size_t index);
  // Puts the session on the first free ports. What it is then.
  session::SessionConfig Create(size_t index);
  void CompleteHandshake(const session::SessionConfig& config);
  void DeliverFrom(Call& call);

  const Config config_;
  BenchmarkIo io_;
  worker::WorkerMailbox mailbox_;
  worker::HandshakeMailbox handshakes_;
  worker::Worker worker_;
  std::unique_ptr<srtp::SrtpTransform> transform_;
  const Wire ends_;  // the addresses, wire or not
  uint16_t next_port_;
  srtp::SrtpKeyingMaterial keys_;
  base::Random random_{1};
  std::vector<std::unique_ptr<Call>> calls_;  // by phase
  size_t next_call_ = 0;
  base::Timestamp round_;  // the 20 ms whose packets arrive
  base::Timestamp now_ = base::Timestamp::FromMilliseconds(1'000'000);
  std::chrono::nanoseconds busy_{};
  std::atomic<bool> is_working_{false};
  size_t heap_bytes_ = 0;
};

}  // namespace byon::perf
