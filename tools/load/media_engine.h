#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tools/load/dtls_thread.h"
#include "tools/load/media_call.h"
#include "tools/load/outbox.h"
#include "tools/load/profile.h"
#include "tools/load/udp_socket.h"

namespace byon::load {

// What the engine tells its owner of a call.
struct CallNews {
  enum class Kind : uint8_t {
    kIceConnected,
    kDtlsConnected,
    kMediaBothWays,  // a packet of the gateway was there on both sides
    kFailed,         // `reason`
    kStopped,        // the last packet is gone and has had time to arrive; `browser` and `phone` are
                     // final
  };
  uint64_t call = 0;
  Kind kind = Kind::kFailed;
  base::Timestamp at;
  std::string reason;
  SideCounts browser, phone;
};

// All measurements so far.
struct EngineReport {
  DirectionTimes to_browser, to_phone;
  Histogram send_lateness;       // of this program: how late a packet went out
  uint64_t socket_overflow = 0;  // datagrams that this program was too slow to take
  uint64_t packets_sent = 0, packets_received = 0;
  int64_t cpu_ns = 0;  // of the media thread
};

// Plays the media of all calls on one thread: sends each stream every 20 ms, takes what comes,
// answers. The public methods are thread-safe.
class MediaEngine {
 public:
  explicit MediaEngine(const Profile& profile);
  ~MediaEngine();
  MediaEngine(const MediaEngine&) = delete;

  const dtls::DtlsFingerprint& fingerprint() const { return dtls_->fingerprint(); }
  CallSockets SocketsOf(uint64_t call) const;

  // Begins a call: ICE, DTLS, then media.
  void Add(CallSetup setup);
  // Stops its media; news of kStopped follow.
  void Stop(uint64_t call);
  void Remove(uint64_t call);
  std::vector<CallNews> TakeNews();
  // Times are kept from now on or no longer.
  void Measure(bool is_on);
  EngineReport Report();

 private:
  // 20 ms in slots of 250 us; each call's sides have one each.
  static constexpr size_t kSlots = 80;
  static constexpr base::TimeDelta kSlot = base::TimeDelta::Microseconds(250);
  // From the last packet of a stopped call to its counting, beside what the weather delays:
  // loopback takes microseconds, a worker that is behind some milliseconds.
  static constexpr base::TimeDelta kStopDelay = base::TimeDelta::Milliseconds(60);

  struct Sending {
    MediaCall* call;
    Side side;
  };
  enum class PortKind : uint8_t { kNone, kAccess, kRtp, kRtcp };
  struct Port {
    MediaCall* call = nullptr;
    PortKind kind = PortKind::kNone;
  };
  struct Timer {
    base::Timestamp due;
    uint64_t call;
    bool operator>(const Timer& other) const { return due > other.due; }
  };

  void Post(std::function<void()> task);
  void Run();
  void RunTasks();
  void RunTimers(base::Timestamp now);
  void SendSlots(base::Timestamp now);
  base::Timestamp NextSlotDue() const;
  void Wait(base::Timestamp until);
  void Receive(size_t socket, base::Timestamp now);
  void TakeBrowserDatagrams(std::span<ReceivedDatagram> datagrams, base::Timestamp now);
  void TakePhoneDatagrams(std::span<ReceivedDatagram> datagrams, base::Timestamp now, PortKind kind);
  void OnRtp(MediaCall& call, Side side, base::ByteSpan packet, base::Timestamp arrival);
  void AddNow(CallSetup setup);
  void RemoveNow(uint64_t call);
  MediaCall* Find(uint64_t call);
  void Tell(CallNews news);
  void OnDtls(uint64_t call, dtls::DtlsEvent event);

  const Profile& profile_;
  std::vector<UdpSocket> sockets_;  // browser, RTP, RTCP, and so on
  std::vector<uint32_t> overflow_;
  std::unique_ptr<srtp::SrtpTransform> transform_;
  Outbox outbox_;
  DatagramReceiver receiver_;
  std::vector<srtp::BurstPacket> burst_;
  int epoll_ = -1;
  int wake_ = -1;

  std::unordered_map<uint64_t, std::unique_ptr<MediaCall>> calls_;
  std::unordered_map<uint64_t, base::Timestamp> stopping_;
  std::vector<Port> ports_ = std::vector<Port>(65536);
  std::vector<std::vector<Sending>> slots_ = std::vector<std::vector<Sending>>(kSlots);
  base::Timestamp slot_time_;
  size_t slot_ = 0;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::unordered_map<uint64_t, bool> has_media_;
  bool is_measuring_ = false;
  EngineReport report_;

  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  std::vector<CallNews> news_;
  std::atomic<bool> is_ending_ = false;
  std::unique_ptr<DtlsThread> dtls_;
  std::thread thread_;
};

}  // namespace byon::load
