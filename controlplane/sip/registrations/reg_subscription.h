#pragma once

#include <string>

#include "controlplane/sip/events/event_subscription.h"
#include "controlplane/sip/text/reginfo.h"

namespace byon::sip {

// The subscription of one binding to its own registration state (RFC 3680, TS 24.229 section
// 5.1.1.3): how the network tells that it has removed the binding.
class RegSubscription : private EventSubscription::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // As whom it subscribes now; of a binding that is gone nothing is asked.
    virtual EventSubscription::Target SubscriptionTargetOf(const std::string& registration_id) const = 0;
    virtual void OnDocument(const std::string& registration_id, const Reginfo& document) = 0;
    virtual void OnSubscribeFailed(const std::string& registration_id, const MessageView& response) = 0;
    // The last thing done with the subscription: nothing is under way, and it can be put to rest.
    virtual void OnSubscriptionWaiting(const std::string& registration_id) = 0;
  };

  RegSubscription(ShardContext& context, Owner& owner, std::string registration_id, SubscriptionState state);

  void Send() { subscription_.Send(); }
  bool is_busy() const { return subscription_.is_busy(); }
  const SubscriptionState& state() const { return subscription_.state(); }
  // True when the NOTIFY is of this dialog; it has been answered then.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request) {
    return subscription_.HandleNotify(transaction, request);
  }

 private:
  EventSubscription::Target CurrentTarget() const override { return owner_.SubscriptionTargetOf(registration_id_); }
  void OnFailure(const MessageView& response) override { owner_.OnSubscribeFailed(registration_id_, response); }
  void OnWaiting() override { owner_.OnSubscriptionWaiting(std::string(registration_id_)); }
  void OnNotification(const EventSubscription::Notification& notification) override;
  void OnRefused(int status) override;

  ShardContext& context_;
  Owner& owner_;
  const std::string registration_id_;
  EventSubscription subscription_;
};

}  // namespace byon::sip
