#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controlplane/web_sip/line_table.h"

namespace byon::web_sip {

// REGISTER (RFC 3261 section 10.3) on top of the gateway's registrations: one binding is one device, named by
// its +sip.instance (RFC 5626 section 4.1), reached over the connection on which it registered last.
class Registrar {
 public:
  struct Observer {
    // The line is reached over a new connection from now on.
    std::function<void(const Line&)> on_bound;
  };
  Registrar(const WebSipConfig& config, WebSipPorts& ports, Counters& counters, LineTable& lines, Observer observer)
      : config_(config), ports_(ports), counters_(counters), lines_(lines), observer_(std::move(observer)) {}

  // The sender has proved who it is.
  void OnRegister(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity);
  // The gateway has ended it: expired, or ended by the network.
  void OnRegistrationEnds(const std::string& registration_id, const std::string& why);

 private:
  struct Request;

  bool CheckAddress(const ServerTransactionPointer& transaction, const Identity& identity);
  void Bind(const std::shared_ptr<Request>& request);
  void OnBound(const Request& request, const gateway::Outcome<gateway::Registration>& outcome);
  void Unbind(const std::shared_ptr<Request>& request);
  void RemoveAll(const std::shared_ptr<Request>& request);
  void Remove(const gateway::Principal& who, const gateway::DeviceKey& device, std::function<void()> done);
  void AnswerWithBindings(const ServerTransactionPointer& transaction, const gateway::Principal& who);

  const WebSipConfig& config_;
  WebSipPorts& ports_;
  Counters& counters_;
  LineTable& lines_;
  const Observer observer_;
};

// The uuid of +sip.instance="<urn:uuid:...>", in lower case; without one a name-based uuid of number and contact,
// so that the same client is the same device for as long as its Contact stays.
std::string DeviceIdOf(const sip::NameAddr& contact, const std::string& number);

}  // namespace byon::web_sip
