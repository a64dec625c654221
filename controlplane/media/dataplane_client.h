#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/call/media_control.h"

namespace byon::media {

struct DataplaneAddress {
  std::string address;  // host:port or unix:/path
  // PEM texts; without a CA the channel is not protected.
  std::string ca_pem;
  std::string client_certificate_pem;
  std::string client_key_pem;
};

struct DataplaneClientConfig {
  std::string controller_id = "controlplane";  // the same after a restart: sessions are found by it
  std::vector<DataplaneAddress> dataplanes;
  std::chrono::milliseconds command_timeout{3000};
  std::chrono::milliseconds reconnect_min{200};
  std::chrono::milliseconds reconnect_max{5000};
  // Between two looks at the load of each node; also the liveness probe.
  std::chrono::milliseconds probe_interval{2000};
  bool symmetric_rtp = false;  // learn the network's media source from its packets
};

struct DataplaneStatus {
  std::string address;
  std::string node_id;
  bool is_reachable = false;
  bool is_draining = false;
  unsigned session_count = 0;
  unsigned session_capacity = 0;
};

// What a node has done since it was started.
struct DataplaneLoad {
  DataplaneStatus status;
  bool is_known = false;  // the node has answered; else the rest says nothing
  uint64_t packets_received = 0;
  uint64_t packets_sent = 0;
  uint64_t late_ticks = 0;                // of all workers
  std::map<std::string, uint64_t> drops;  // by reason
};

// Drives one or many dataplanes over gRPC: a new session goes to the reachable node with the most
// room, later commands to the node that has it. Outcomes are posted to `post`, which is the
// gateway's strand; the methods are called there. Start before the first command; Stop waits for
// gRPC's own threads.
class DataplaneClient final : public call::MediaControl {
 public:
  // Runs a function on the gateway's strand, later and in order; callable from any thread.
  using Post = std::function<void(std::function<void()>)>;

  DataplaneClient(DataplaneClientConfig config, Post post);
  ~DataplaneClient() override;
  DataplaneClient(const DataplaneClient&) = delete;
  DataplaneClient& operator=(const DataplaneClient&) = delete;

  void Start(call::MediaObserver& observer);
  void Stop();
  // On the strand.
  std::vector<DataplaneStatus> status() const;
  bool is_ready() const;  // at least one node can take a session
  // Asks every node that can be reached; `done` on the strand when all have answered or run out of time, not after
  // Stop.
  void CollectLoads(std::function<void(std::vector<DataplaneLoad>)> done);

  void Create(const call::CallId& call_id, call::MediaChange initial) override;
  void Modify(const call::CallId& call_id, uint64_t change_id, call::MediaChange change) override;
  void Join(const call::CallId& call_id, const call::CallId& peer,
            std::function<void(std::optional<std::string>)> done) override;
  void Close(const call::CallId& call_id, const std::string& reason) override;
  void PlayTone(const call::CallId& call_id, call::Leg leg, call::Tone tone) override;
  void Play(const call::CallId& call_id, call::Playback playback, std::function<void(call::PlayOutcome)> done) override;
  void SendDtmf(const call::CallId& call_id, const std::string& digits,
                std::function<void(std::optional<std::string>)> done) override;
  void GetStats(const call::CallId& call_id, std::function<void(std::optional<call::MediaStats>)> done) override;
  void Adopt(std::vector<call::CallId> calls) override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace byon::media
