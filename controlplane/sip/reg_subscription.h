#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controlplane/sip/reginfo.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// The subscription of one binding to its own registration state (RFC 3680, TS 24.229 section
// 5.1.1.3): how the network tells that it has removed the binding.
class RegSubscription {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnContactTerminated(const std::string& registration_id,
                                     registration::SipDeregistered deregistered) = 0;
  };
  // Where and as whom to subscribe; renewed after each registration.
  struct Target {
    std::string registration_id;
    std::string impu;
    std::string impi;
    std::string contact_token;
    std::string instance_id;
    std::string next_hop;
    std::vector<std::string> routes;
  };

  RegSubscription(ShardContext& context, Owner& owner, Target target);

  void Start(std::chrono::milliseconds delay);
  void SetTarget(Target target) { target_ = std::move(target); }
  bool is_refused() const { return is_refused_; }
  const std::string& call_id() const { return call_id_; }
  // True when the NOTIFY is of this dialog; it has been answered then.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request);

 private:
  void Send(const std::string& authorization);
  void HandleResponse(int status, const MessageView& response);
  void ScheduleRefresh(std::chrono::seconds granted);
  void Restart(std::chrono::milliseconds delay);
  void HandleDocument(std::string_view body);

  ShardContext& context_;
  Owner& owner_;
  Target target_;
  std::string call_id_;
  std::string local_tag_;
  std::string remote_tag_;
  std::string remote_target_;
  std::vector<std::string> route_set_;
  uint32_t cseq_ = 0;
  uint32_t remote_cseq_ = 0;
  uint64_t expires_s_;
  bool is_challenged_ = false;
  bool is_refused_ = false;
  std::unique_ptr<ClientTransaction> transaction_;
  ScopedTimer timer_;
};

}  // namespace byon::sip
