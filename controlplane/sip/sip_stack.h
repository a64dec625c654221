#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/call/sip_signaling.h"
#include "controlplane/messaging/pager_signaling.h"
#include "controlplane/presence/event_signaling.h"
#include "controlplane/registration/sip_registrar.h"
#include "controlplane/sip/credential_source.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/sip/sip_counters.h"

namespace byon::sip {

// The SIP side of the gateway: registrations and calls towards the IMS core, on sofia-sip's
// transaction layer. Runs config.shards threads of its own; everything else (Start, Stop, both
// interfaces, all observer calls) belongs to one strand, the one `post` leads to.
//
//   SipStack stack(config, [&](auto task) { boost::asio::post(strand, std::move(task)); }, credentials);
//   if (auto error = stack.Start(gateway, gateway)) refuse_to_start(*error);
//   stack.registrar().Register(...);  stack.signaling().Invite(...);
//
// EndReason.text of OnFailed is call::kEmergencyServiceText or call::kRestorationText where the
// network's body says so (TS 24.229 section 7.6), else the phrase of the response.
class SipStack {
 public:
  // Runs the task later on the strand; called from the SIP threads, in order.
  using Executor = std::function<void(std::function<void()>)>;

  // `credentials` may be null for the profiles without digest; otherwise it outlives the stack.
  SipStack(SipConfig config, Executor post, CredentialSource* credentials);
  ~SipStack();
  SipStack(const SipStack&) = delete;
  SipStack& operator=(const SipStack&) = delete;

  // Who hears of messages and of events; before Start. Without them a MESSAGE is answered 480.
  void SetObservers(messaging::PagerObserver* pages, presence::EventObserver* events);
  // Binds the sockets and starts the threads; the observers outlive Stop(). Returns one sentence
  // when the configuration is wrong or an address cannot be bound.
  [[nodiscard]] std::optional<std::string> Start(call::SipSignalingObserver* calls,
                                                 registration::SipRegistrarObserver* registrations);
  // Ends the threads without a word to the network: dialogs and bindings live on and can be restored.
  // No observer is called after it returns. Called by the destructor.
  void Stop();

  // The P-CSCFs from now on, best first, as SipConfig::next_hops has them; none of them: the old ones stay.
  // Registrations through one that is gone move to others, not all at once; what is known of those that stay is kept.
  void SetNextHops(const std::vector<std::string>& best_first);
  // With SipConfig::waits_for_restore: all dialogs of before the restart have been restored, and requests in them are
  // taken, as are those to the registrations that have been by then.
  void SetDialogsRestored();
  // All that was to be restored has been: who is not known now is not known.
  void SetRestored();
  call::SipSignaling& signaling();
  registration::SipRegistrar& registrar();
  messaging::PagerSignaling& pager();
  presence::EventSignaling& events();
  const SipCounters& counters() const;

 private:
  class Facade;
  std::unique_ptr<Facade> facade_;
};

}  // namespace byon::sip
