#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/sip/calls/call.h"
#include "controlplane/sip/events/device_finder.h"
#include "controlplane/sip/events/event_client.h"
#include "controlplane/sip/events/pager.h"
#include "controlplane/sip/hops/hop_health.h"
#include "controlplane/sip/hops/hop_list.h"
#include "controlplane/sip/hops/hop_monitor.h"
#include "controlplane/sip/peer_filter.h"
#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/shard_context.h"
#include "controlplane/sip/sip_thread.h"
#include "controlplane/sip/tls/tls_sessions.h"
#include "controlplane/sip/transactions.h"

namespace byon::sip {

// One SIP thread with its address, its registrations and its calls. Commands are posted in, news go
// out through the hooks; nothing is shared with other shards but the counters.
class Shard : private MessageSink {
 public:
  // Called on the SIP thread; each leads to the strand.
  struct Hooks {
    std::function<void(std::function<void(call::SipSignalingObserver&)>)> notify_calls;
    std::function<void(std::function<void(registration::SipRegistrarObserver&)>)> notify_registrations;
    std::function<void(unsigned shard, uint64_t key, call::IncomingInvite invite)> on_incoming;
    std::function<void(std::function<void(messaging::PagerObserver&)>)> notify_pager;
    std::function<void(std::function<void(presence::EventObserver&)>)> notify_events;
    std::function<void(call::CallId id)> on_gone;
    std::function<void(registration::RegistrationId id)> on_binding_gone;
  };

  // Of before the restart: dialogs come first.
  enum class Restored : uint8_t { kNothing, kDialogs, kAll };

  Shard(const SipConfig& config, unsigned index, SipCounters& counters, CredentialSource* credentials, Hooks hooks);
  ~Shard() override;

  // False when the address cannot be bound.
  [[nodiscard]] bool Start();
  void Stop();

  // Any thread. The task runs on the SIP thread with the parts it is about.
  // SipStack::SetNextHops, SetDialogsRestored and SetRestored.
  void PostNextHops(std::vector<std::string> best_first);
  void PostRestored(Restored what);
  // Returns when everything posted before is done; from any other thread, while the shard runs.
  void WaitForPosted() {
    thread_.PostAndWait([] {});
  }
  void PostCalls(std::function<void(CallTable&)> task);
  void PostRegistrations(std::function<void(RegistrationClient&)> task);
  void PostPager(std::function<void(Pager&)> task);
  void PostDevices(std::function<void(DeviceFinder&)> task);
  void PostEvents(std::function<void(EventClient&)> task);

 private:
  Admission Admit(const IpAddress& source, const MessageView& request, std::string_view branch) override;
  void HandleRequest(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) override;
  void HandleAck(const MessageView& ack) override { calls_->HandleAck(ack); }
  void HandleStrayAnswer(const MessageView& response) override {
    if (!calls_->HandleStrayAnswer(response)) calls_->EndStrayAnswer(response);
  }

  bool MayBeRestoredYet(const MessageView& request) const;
  void HandleHopsChanged();
  void OpenTls();
  void SweepTls();
  void HandleConnectionLost(const IpAddress& peer);

  SipCounters& counters_;
  Hooks hooks_;
  SipThread thread_;
  PeerFilter peers_;
  HopList hop_list_;
  HopHealth hops_;
  HopHealth trunk_hops_;
  HopHealth emergency_hops_;
  CallHold call_hold_;
  Restored restored_ = Restored::kAll;
  TransactionLayer transactions_;
  ShardContext context_;
  std::unique_ptr<TlsSessions> tls_;  // null without TLS
  std::unique_ptr<ScopedTimer> tls_timer_;
  std::map<IpAddress, SipThread::Clock::time_point> connection_lost_at_;
  std::unique_ptr<RegistrationClient> registrations_;
  std::unique_ptr<HopMonitor> monitor_;
  std::unique_ptr<CallTable> calls_;
  std::unique_ptr<Pager> pager_;
  std::unique_ptr<EventClient> events_;
  std::unique_ptr<DeviceFinder> devices_;
};

}  // namespace byon::sip
