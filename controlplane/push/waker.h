#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controlplane/gateway/push_directory.h"
#include "controlplane/gateway/service.h"
#include "controlplane/gateway/timers.h"
#include "controlplane/push/counters.h"
#include "controlplane/push/provider.h"

namespace byon::push {

struct WakerConfig {
  std::chrono::seconds ring_timeout{120};    // of an incoming call
  std::chrono::milliseconds ack_wait{2000};  // a connected client that is silent for longer is taken for asleep
  std::string source;                        // of the events: URL of the gateway
};

// The providers that are configured; null: not served.
struct Providers {
  std::unique_ptr<Provider> web_push;
  std::unique_ptr<Provider> fcm;
  std::unique_ptr<Provider> apns;

  Provider* For(const Subscription& subscription) const;
};

// Wakes sleeping devices: an invitation that no live client has taken is pushed, again and again while the service is
// busy and the call still rings; a call that ends unanswered is pushed too, so that what rings falls silent. An event
// sink behind the one that tells the channels. On the strand.
class Waker final : public gateway::EventSink {
 public:
  struct Ports {
    gateway::PushDirectory& directory;
    gateway::Timers& timers;
    Clock now;
    std::function<std::string()> new_id;
    // Whether a client of the device is connected to its event channel.
    std::function<bool(const gateway::DeviceKey&)> is_connected;
    // Whether the device has left an event unacknowledged that it was told at that time or before.
    std::function<bool(const gateway::DeviceKey&, WallTime)> is_silent_since;
    // What happened, for the log; no tokens, no keys, no numbers.
    std::function<void(std::string_view event, std::string detail)> observer;
  };
  Waker(WakerConfig config, Providers providers, Ports ports);

  void OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) override;
  const Counters& counters() const { return counters_; }
  size_t size() const { return wakings_.size(); }

 private:
  // One call whose device is, or may have to be, woken.
  struct Waking {
    gateway::DeviceKey device;
    gateway::MediaSession session;
    std::string kept;  // the subscription as the registration has it
    Subscription subscription;
    WallTime ring_ends_at;
    WallTime expires_at;  // of the present message
    bool is_cancel = false;
    bool is_sending = false;
    bool was_accepted = false;  // the invitation
    bool is_awake = false;      // the device has said so
    bool is_over = false;       // the call is; what is on its way may have to be taken back
    unsigned attempts = 0;
    std::shared_ptr<void> timer;
  };
  void Invite(const gateway::DeviceKey& device, const gateway::MediaSession& session);
  void Follow(const gateway::DeviceKey& device, const gateway::MediaSession& session);
  void SendLater(Waking& waking, std::chrono::milliseconds delay);
  void Send(const std::string& id);
  void OnOutcome(const std::string& id, const Outcome& outcome);
  void Retry(const std::string& id, Waking& waking, std::chrono::seconds retry_after);
  void Cancel(const std::string& id, Waking& waking);
  void Note(Counter counter, const Waking& waking, std::string_view why);
  std::string TextOf(const Waking& waking) const;

  const WakerConfig config_;
  const Providers providers_;
  Ports ports_;
  Counters counters_;
  std::map<std::string, Waking> wakings_;  // by media session
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::push
