#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/token_service.h"
#include "controlplane/auth/digest.h"
#include "controlplane/gateway/messaging_service.h"
#include "controlplane/gateway/service.h"

namespace byon::web_sip {

// Validated at start; see config/controlplane.yaml for what each value means to an operator.
struct WebSipConfig {
  std::string path = "/sip";
  std::string domain;        // of the clients' addresses of record
  std::string host;          // host[:port] in our Via and Contact
  std::string authz_server;  // told to clients that need a token (RFC 8898 section 4)
  // Offered in this order, strongest first (RFC 8760 section 2.3); empty: bearer tokens only.
  std::vector<auth::DigestAlgorithm> digest_algorithms;
  std::chrono::seconds default_expires{600};
  std::chrono::seconds min_expires{60};
  std::chrono::seconds auth_timeout{30};     // a connection on which nobody registers ends
  std::chrono::seconds reconnect_grace{10};  // an incoming call waits so long for a client that is away
  std::chrono::seconds min_session_expires{90};
  bool routes_emergencies = false;          // else a call for help is told to take the phone, before all else
  double messages_per_second = 50;          // of one connection
  double requests_per_second_per_user = 5;  // REGISTER and INVITE
  size_t max_transactions = 32;             // open at a time on one connection
};

// Who may sign in without an identity provider.
class WebPasswords {
 public:
  virtual ~WebPasswords() = default;
  // Nothing when this number (+E.164) has no password for the web.
  virtual std::optional<std::string> WebPassword(const std::string& number) const = 0;
};

// All outlive the room and live on its strand.
struct WebSipPorts {
  gateway::Service& service;
  api::TokenService& tokens;
  const WebPasswords& passwords;
  api::Timers& timers;
  api::Clock now;
  std::function<std::string()> new_id;  // unguessable, token characters only
  // For logs: what was refused or happened, texts without secrets.
  std::function<void(std::string_view event, std::string detail)> observer;
  gateway::MessagingService* messaging = nullptr;  // null: MESSAGE is answered 405
};

}  // namespace byon::web_sip
