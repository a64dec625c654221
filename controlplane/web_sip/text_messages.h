#pragma once

#include <deque>
#include <map>
#include <string>

#include "controlplane/gateway/messaging_service.h"
#include "controlplane/web_sip/line_table.h"

namespace byon::web_sip {

// MESSAGE (RFC 3428) from and to clients, on top of the gateway's messages. A client's MESSAGE is answered
// with what the network says of it; one for a client that is away waits for its next connection.
class TextMessages {
 public:
  TextMessages(const WebSipConfig& config, WebSipPorts& ports, Counters& counters, LineTable& lines)
      : config_(config), ports_(ports), counters_(counters), lines_(lines) {}

  // From a client that has proved who it is.
  void OnMessage(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity);
  // From the gateway.
  void OnReceived(const gateway::DeviceKey& device, const messaging::Message& message);
  void OnStatus(const messaging::Message& message);
  // The line is reached over a new connection.
  void OnBound(const gateway::DeviceKey& device);

 private:
  void Deliver(const gateway::DeviceKey& device, const messaging::Message& message);
  void Keep(const gateway::DeviceKey& device, const messaging::Message& message);

  const WebSipConfig& config_;
  WebSipPorts& ports_;
  Counters& counters_;
  LineTable& lines_;
  std::map<std::string, ServerTransactionPointer> sending_;  // by message id
  std::map<gateway::DeviceKey, std::deque<messaging::Message>> waiting_;
};

}  // namespace byon::web_sip
