#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "tools/load/media_call.h"

namespace byon::load {

// What a media node is asked for: a call between this browser and this phone.
struct CallRequest {
  std::string id;
  const PhoneCodecShare* codec = nullptr;
  IceCredentials browser_ice;
  dtls::DtlsFingerprint browser_fingerprint;
  CallSockets sockets;
};

// What a node knows of one leg of a call.
struct LegFigures {
  uint64_t packets_received = 0;         // of RTP
  bool counts_rtcp = false;              // and of RTCP, where both come to one port
  std::optional<uint64_t> packets_sent;  // not every node counts them
  uint64_t concealed_frames = 0, late_packets = 0;
  double added_latency_ms = 0;
  double mos_mean = 0, mos_worst = 0;  // of what it received; 0: no estimate
};
struct CallFigures {
  LegFigures access, ims;
  std::map<std::string, uint64_t> drops;  // by the node's reason
};

struct NodeDescription {
  std::string id, version;
  unsigned workers = 0;
  size_t room = 0;  // calls that it takes now
  bool is_draining = false;
};

struct WorkerUse {
  unsigned worker = 0;
  uint64_t busy_ns = 0, late_ticks = 0;
};

// What a node told of its own accord.
struct NodeEvents {
  uint64_t session_failed = 0, media_timeout = 0, consent_lost = 0;
};

// A program that carries the media of calls, as its controller sees it. Answers come on threads of
// the node; an error is a sentence.
class MediaNode {
 public:
  template <typename Answer>
  using Done = std::function<void(base::Result<Answer, std::string>)>;

  virtual ~MediaNode() = default;

  virtual base::Result<NodeDescription, std::string> Describe() = 0;
  // Of each worker since it began; none when the node does not tell, nothing when it does not
  // answer.
  virtual std::optional<std::vector<WorkerUse>> ReadWorkers() = 0;
  // Calls are the caller's and events are counted from now on.
  virtual void Watch() = 0;
  virtual NodeEvents events() const = 0;

  // The browser offers, the phone answers: as in a call that the browser makes.
  virtual void SetUp(const CallRequest& request, Done<NodeEnds> done) = 0;
  // How it goes so far.
  virtual void Ask(const std::string& id, Done<CallFigures> done) = 0;
  // Ends it; the figures are the last ones.
  virtual void Close(const std::string& id, Done<CallFigures> done) = 0;
  // Returns when nothing is under way any more: then no answer comes either.
  virtual void WaitForAll() = 0;
  // Tells this controller's calls from those of others.
  virtual const std::string& controller_id() const = 0;
};

}  // namespace byon::load
