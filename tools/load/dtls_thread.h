#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "dataplane/dtls/dtls_transport.h"
#include "tools/load/udp_socket.h"

namespace byon::load {

// Runs the DTLS handshakes of all browsers on a thread of its own, so that their public-key work
// does not disturb the media. Sends its datagrams itself; outcomes go to `on_event` on its thread.
class DtlsThread {
 public:
  struct Peer {
    uint64_t call = 0;
    dtls::DtlsRole role = dtls::DtlsRole::kClient;
    dtls::DtlsFingerprint gateway_fingerprint;
    const UdpSocket* socket = nullptr;
    KernelAddress gateway;
  };
  using OnEvent = std::function<void(uint64_t call, dtls::DtlsEvent event)>;

  // Makes the certificate that all browsers have. Throws std::runtime_error.
  explicit DtlsThread(OnEvent on_event);
  ~DtlsThread();
  DtlsThread(const DtlsThread&) = delete;

  const dtls::DtlsFingerprint& fingerprint() const { return context_.fingerprint(); }
  // Thread-safe.
  void Start(Peer peer) { Post(std::move(peer)); }
  void HandleDatagram(uint64_t call, base::ByteSpan datagram) {
    Post(Datagram{call, {datagram.begin(), datagram.end()}});
  }
  void Forget(uint64_t call) { Post(Gone{call}); }

 private:
  struct Datagram {
    uint64_t call;
    std::vector<std::byte> bytes;
  };
  struct Gone {
    uint64_t call;
  };
  using Task = std::variant<Peer, Datagram, Gone>;
  struct Association {
    Peer peer;
    dtls::DtlsTransport transport;
  };

  void Post(Task task);
  void Run();
  void Take(Task& task, base::Timestamp now);
  void Drain(uint64_t call, Association& association);

  dtls::DtlsContext context_;
  OnEvent on_event_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool is_ending_ = false;
  std::map<uint64_t, Association> associations_;
  std::thread thread_;
};

}  // namespace byon::load
