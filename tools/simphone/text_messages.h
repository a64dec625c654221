#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/simphone/phone_config.h"
#include "tools/simphone/registration.h"
#include "tools/simphone/transaction_layer.h"

namespace byon::simphone {

// SIP MESSAGE (RFC 3428) of one phone, with delivery notifications (RFC 5438) in message/cpim.
class TextMessages {
 public:
  using Emitter = std::function<void(nlohmann::json)>;
  TextMessages(const PhoneConfig& config, TransactionLayer& transactions, Registration& registration, Emitter emit)
      : config_(config), transactions_(transactions), registration_(registration), emit_(std::move(emit)) {}

  // "to", "text", "content_type"; "report": asks for a delivery notification; "id" names it.
  void Send(const nlohmann::json& command);
  // "status": how the next messages are answered; "reports": whether notifications are given.
  void ChangePolicy(const nlohmann::json& command);
  void Receive(const ServerTransactionPtr& transaction);

 private:
  void SendRequest(const std::string& target, const std::string& id, const std::string& content_type,
                   const std::string& body, bool is_told);
  void Report(const std::string& target, const std::string& message_id);

  const PhoneConfig& config_;
  TransactionLayer& transactions_;
  Registration& registration_;
  const Emitter emit_;
  int answer_status_ = 200;
  bool gives_reports_ = true;
};

}  // namespace byon::simphone
