#pragma once

#include <string>
#include <vector>

#include "controlplane/gateway/service.h"
#include "controlplane/messaging/message.h"

namespace byon::gateway {

struct MessageRequest {
  std::string registration_id;  // whose number sends; empty: the token's
  std::string to;               // tel: or sip: address
  std::string text;
  bool wants_report = false;      // delivery notification (RFC 5438)
  std::string client_correlator;  // idempotency key; may be empty
};
struct MessageQuery {
  std::string phone_number;  // needed with a 2-legged token only
  std::string peer;          // empty: all
  std::string before;        // message id; empty: the newest
  size_t limit = 50;
};

// Messages of a number, for every device of it. Called on the gateway's strand; a message of another
// number is kNotFound.
class MessagingService {
 public:
  virtual ~MessagingService() = default;
  // Answers when it is kept and on its way; what becomes of it is told by events.
  virtual Outcome<messaging::Message> SendMessage(const Principal& who, MessageRequest request) = 0;
  virtual Outcome<messaging::Message> GetMessage(const Principal& who, const std::string& id) = 0;
  // Newest first; at most `limit`.
  virtual Outcome<std::vector<messaging::Message>> ListMessages(const Principal& who, const MessageQuery& query) = 0;
  // This one and all earlier of the same peer.
  virtual Outcome<Done> MarkMessageRead(const Principal& who, const std::string& id) = 0;
  virtual Outcome<Done> DeleteMessage(const Principal& who, const std::string& id) = 0;
};

}  // namespace byon::gateway
