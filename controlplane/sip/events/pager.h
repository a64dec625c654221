#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "controlplane/messaging/pager_signaling.h"
#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// MESSAGE of one shard, both ways (RFC 3428). Lives on the SIP thread.
class Pager {
 public:
  Pager(ShardContext& context, RegistrationClient& registrations) : context_(context), registrations_(registrations) {}

  // Lead to the strand; set before anything comes in.
  std::function<void(uint64_t key, messaging::IncomingPage)> on_page;
  std::function<void(std::string id, int status, std::string phrase)> on_answered;

  void Send(messaging::OutgoingPage page);
  void Answer(uint64_t key, int status);
  // A MESSAGE outside of dialogs.
  void HandleMessage(std::unique_ptr<ServerTransaction> transaction, const MessageView& request);

 private:
  struct Outgoing {
    messaging::OutgoingPage page;
    uint32_t cseq = 0;
    bool is_challenged = false;
    std::unique_ptr<ClientTransaction> transaction;
  };
  void SendRequest(Outgoing& outgoing, const std::string& authorization);
  void HandleResponse(const std::string& id, int status, const MessageView& response);
  void Finish(const std::string& id, int status, std::string phrase);
  void Refuse(ServerTransaction& transaction, int status, SipCounter why) const;

  ShardContext& context_;
  RegistrationClient& registrations_;
  std::map<std::string, Outgoing> outgoing_;
  std::map<uint64_t, std::unique_ptr<ServerTransaction>> waiting_;  // for the strand's answer
  uint64_t next_key_ = 1;
};

}  // namespace byon::sip
