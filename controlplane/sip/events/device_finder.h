#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/sip/events/event_subscription.h"
#include "controlplane/sip/registrations/registration_client.h"

namespace byon::sip {

// Which devices are registered for a number: its registration state is fetched (RFC 3680, RFC 6665 section 4.4.3) when
// somebody asks, and nothing of it is kept (TS 24.337 clause 9). Lives on the SIP thread.
class DeviceFinder {
 public:
  DeviceFinder(ShardContext& context, RegistrationClient& registrations);
  ~DeviceFinder();

  // SipSignalingObserver::OnDevices follows, within SipTimers::device_search.
  void Find(const call::CallId& id, const call::SipBinding& binding);
  // False when it is of none of them.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request);

 private:
  class Search;
  void Finish(const call::CallId& id, std::vector<call::RegisteredDevice> devices);

  ShardContext& context_;
  RegistrationClient& registrations_;
  std::map<call::CallId, std::unique_ptr<Search>> searches_;
  std::vector<std::unique_ptr<Search>> over_;  // until the stack has unwound
};

}  // namespace byon::sip
