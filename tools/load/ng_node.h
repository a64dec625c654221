#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "tools/load/bencode.h"
#include "tools/load/media_node.h"
#include "tools/load/pending_count.h"
#include "tools/load/profile.h"

namespace byon::load {

// rtpengine as a SIP proxy sees it: its ng protocol over UDP, in bencode. A peer to measure beside
// the gateway; or who speaks the same for calls of another kind (perf/calls). It does not tell how
// busy its threads are.
class NgNode final : public MediaNode {
 public:
  // `target` is IP:port, [IP]:port for IPv6, of its listen-ng. `opus_settings` is what the
  // browser's Opus is encoded with, as its codec-set wants it; empty: its defaults. Throws
  // std::runtime_error when the target is no address or there is no socket.
  NgNode(const std::string& target, const Profile& profile, std::string opus_settings);
  // Waits for what is under way.
  ~NgNode() override;
  NgNode(const NgNode&) = delete;

  base::Result<NodeDescription, std::string> Describe() override;
  std::optional<std::vector<WorkerUse>> ReadWorkers() override { return std::vector<WorkerUse>(); }
  void Watch() override {}
  NodeEvents events() const override { return {}; }
  void SetUp(const CallRequest& request, Done<NodeEnds> done) override;
  void Ask(const std::string& id, Done<CallFigures> done) override;
  void Close(const std::string& id, Done<CallFigures> done) override;
  void WaitForAll() override { pending_.WaitForNone(); }
  const std::string& controller_id() const override { return controller_id_; }

 private:
  struct Command {
    std::string datagram;
    Done<Bencode> done;
    base::Timestamp resend, give_up;
  };

  // Sends a command, again and again until it is answered; an answer that says "error" is one.
  void Send(Bencode::Dictionary command, Done<Bencode> done);
  void Run();
  void Take(std::string_view datagram);
  void Repeat(base::Timestamp now);

  const Profile profile_;
  const std::string target_;
  const std::string opus_settings_;
  const std::string controller_id_;
  int socket_ = -1;
  int wake_ = -1;
  PendingCount pending_;
  std::mutex mutex_;
  std::map<std::string, Command, std::less<>> commands_;  // by cookie
  uint64_t next_cookie_ = 1;
  std::atomic<bool> is_ending_ = false;
  std::thread thread_;
};

}  // namespace byon::load
