#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/events/subscription_state.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// One subscription to an event package (RFC 6665): begun, refreshed, begun anew when the network ends it for a passing
// reason. It says when the next SUBSCRIBE is to be sent, and has no clock of its own; what the notifications say is the
// owner's business too.
class EventSubscription {
 public:
  // Its texts outlive the subscription.
  struct Package {
    std::string_view event;   // Event, e.g. "dialog"
    std::string_view accept;  // Accept
    uint32_t expires_s = 0;   // asked for; the network may ask for more (423) or grant less
  };
  // Whose state, as whom and on which way; another one after each registration.
  struct Target {
    std::string resource;  // Request-URI and To: a safe sip: or tel: URI
    std::string impu;
    std::string impi;
    std::string contact_token;
    std::string next_hop;
    std::vector<std::string> routes;
  };
  // Views live as long as the call.
  struct Notification {
    std::string_view content_type;  // lower case, without parameters
    std::string_view body;          // empty: no news of the resource
    bool is_terminated = false;
    bool is_final = false;  // terminated, and the network wants no new subscription
  };
  // The calls that tell something are the last thing done with the subscription: the owner may destroy it.
  class Owner {
   public:
    virtual ~Owner() = default;
    // As it is now. One of a million subscriptions keeps none of its own.
    virtual Target CurrentTarget() const = 0;
    // The SUBSCRIBE has failed and will be sent again. Not yet the last thing done.
    virtual void OnFailure(const MessageView&) {}
    // The SUBSCRIBE has been answered, or could not be sent: Send() is to be called at next_send().
    virtual void OnWaiting() = 0;
    // next_send() may be another one.
    virtual void OnNotification(const Notification& notification) = 0;
    // The network does not offer the package or refuses us: no more attempts.
    virtual void OnRefused(int status) = 0;
  };

  EventSubscription(ShardContext& context, Owner& owner, Package package, SubscriptionState state = {});

  void Send();
  // Ends it in the network too (Expires: 0); nothing is told to the owner any more.
  void Stop();
  // True when the NOTIFY is of this dialog; it has been answered then.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request);

  // None: no SUBSCRIBE will be sent.
  const std::optional<SipThread::Clock::time_point>& next_send() const { return state_.next_send; }
  // A SUBSCRIBE is under way.
  bool is_busy() const { return transaction_ != nullptr; }
  const SubscriptionState& state() const { return state_; }

 private:
  RequestText BuildRequest(uint32_t expires_s, const std::string& authorization);
  void SendOnce(const std::string& authorization);
  void HandleResponse(int status, const MessageView& response);
  void ScheduleRefresh(std::chrono::seconds granted);
  void HandleTermination(std::string_view state, Notification& notification);
  void Restart(std::optional<std::chrono::milliseconds> delay);

  ShardContext& context_;
  Owner& owner_;
  const Package package_;
  SubscriptionState state_;
  bool is_challenged_ = false;
  std::unique_ptr<ClientTransaction> transaction_;
};

}  // namespace byon::sip
