#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "controlplane/presence/event_signaling.h"
#include "controlplane/sip/events/event_subscription.h"
#include "controlplane/sip/events/publication_client.h"
#include "controlplane/sip/registrations/registration_client.h"

namespace byon::sip {

// The presence and dialog subscriptions and the publications of one shard. Lives on the SIP thread.
class EventClient {
 public:
  EventClient(ShardContext& context, RegistrationClient& registrations);
  ~EventClient();

  // Leads to the strand; set before anything is watched.
  std::function<void(std::function<void(presence::EventObserver&)>)> notify;

  void Watch(const presence::WatchRequest& request);
  void Unwatch(const std::string& id);
  void Publish(presence::Publication publication);
  void Unpublish(const std::string& id);
  // De-registers once what the registration has published is taken back: the network believes no word
  // of a user who is gone. Waits half a second at most.
  void Deregister(const registration::RegistrationId& id);
  // A NOTIFY outside of calls; false when no subscription matches.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request);

 private:
  class Watcher;
  class Publisher;
  void Drop(const std::string& id);
  void Forget(const std::string& publication_id);
  void FinishDeregistrations();

  ShardContext& context_;
  RegistrationClient& registrations_;
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
  std::map<std::string, std::set<std::string>> ids_by_token_;  // our Contact's user to watchers
  std::map<std::string, std::unique_ptr<Publisher>> publishers_;
  std::map<registration::RegistrationId, std::unique_ptr<ScopedTimer>> deregistering_;
};

}  // namespace byon::sip
