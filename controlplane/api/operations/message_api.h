#pragma once

#include "controlplane/api/exchange.h"
#include "controlplane/gateway/messaging_service.h"

namespace byon::api {

inline constexpr char kReadMessages[] = "byon:messages:read";
inline constexpr char kWriteMessages[] = "byon:messages:write";

// /byon/v1/messages, see openapi/byon-v1.yaml.
class MessageApi {
 public:
  explicit MessageApi(gateway::MessagingService& service) : service_(service) {}

  void Send(const ExchangePointer& exchange);
  void List(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void MarkRead(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  gateway::MessagingService& service_;
};

nlohmann::json MessageBody(const messaging::Message& message);

}  // namespace byon::api
