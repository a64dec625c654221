#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// One published state of one resource (RFC 3903): initial, refresh, modify, remove, by the entity
// tag that the network gave. Lives on the SIP thread.
class PublicationClient {
 public:
  struct Target {
    std::string impu;  // the resource, and as whom
    std::string impi;
    std::string next_hop;
    std::vector<std::string> routes;
  };
  class Owner {
   public:
    virtual ~Owner() = default;
    // No more attempts are made. The last thing done: the owner may destroy the publication.
    virtual void OnPublicationRefused(int status) = 0;
    // After Remove() that had to wait; the same holds.
    virtual void OnPublicationGone() = 0;
  };

  PublicationClient(ShardContext& context, Owner& owner, std::string event, std::string content_type)
      : context_(context),
        owner_(owner),
        event_(std::move(event)),
        content_type_(std::move(content_type)),
        timer_(context.thread) {}

  void Publish(Target target, std::string document);
  // Takes the state out of the network. False: its answer is waited for, OnPublicationGone follows.
  [[nodiscard]] bool Remove();

 private:
  // Sends what is due: the document if the network does not have this one, else a refresh.
  void Send(const std::string& authorization);
  RequestText BuildRequest(bool has_body, uint64_t expires_s, const std::string& authorization);
  void HandleResponse(int status, const MessageView& response);
  void Retry(std::chrono::milliseconds delay);
  void SendRemoval(const std::string& authorization);
  void HandleRemovalResponse(int status, const MessageView& response);

  ShardContext& context_;
  Owner& owner_;
  const std::string event_;
  const std::string content_type_;
  Target target_;
  std::string document_;
  std::string etag_;             // empty: the network has nothing of ours
  bool is_document_new_ = true;  // the network does not have it yet
  bool is_sending_new_ = false;  // the request under way carries it
  bool is_leaving_ = false;
  uint64_t expires_s_ = 3600;  // RFC 3903 section 4.1: our wish
  int attempts_ = 0;           // answers to challenges, 412 and 423 in a row
  uint32_t cseq_ = 0;
  std::string call_id_;
  std::unique_ptr<ClientTransaction> transaction_;
  ScopedTimer timer_;
};

}  // namespace byon::sip
