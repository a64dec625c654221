#pragma once

#include <string>

#include "controlplane/sip/event_subscription.h"
#include "controlplane/sip/reginfo.h"

namespace byon::sip {

// The subscription of one binding to its own registration state (RFC 3680, TS 24.229 section
// 5.1.1.3): how the network tells that it has removed the binding.
class RegSubscription : private EventSubscription::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnContactTerminated(const std::string& registration_id,
                                     registration::SipDeregistered deregistered) = 0;
  };
  struct Target {
    std::string registration_id;
    std::string instance_id;
    EventSubscription::Target subscription;
  };

  RegSubscription(ShardContext& context, Owner& owner, Target target);

  void Start(std::chrono::milliseconds delay) { subscription_.Start(delay); }
  void SetTarget(Target target);
  // True when the NOTIFY is of this dialog; it has been answered then.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request) {
    return subscription_.HandleNotify(transaction, request);
  }

 private:
  void OnNotification(const EventSubscription::Notification& notification) override;
  void OnRefused(int status) override;
  const ReginfoContact* FindOurs(const Reginfo& document) const;

  ShardContext& context_;
  Owner& owner_;
  std::string registration_id_;
  std::string instance_id_;
  EventSubscription subscription_;
};

}  // namespace byon::sip
