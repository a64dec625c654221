#pragma once

#include <functional>
#include <string>

#include "controlplane/api/exchange.h"
#include "controlplane/api/object_reader.h"
#include "controlplane/api/operations/call_drafts.h"
#include "controlplane/gateway/visitor_service.h"

namespace byon::api {

// The operations of webrtc-call-handling v0.4 (CAMARA r3.1) and v0.3 (r2.2).
class CallApi {
 public:
  // `visitors`: null where there are none; `home_domain`: for addresses that r2.2 cannot say otherwise.
  CallApi(gateway::Service& service, gateway::VisitorService* visitors, std::string home_domain, Clock now,
          std::function<std::string()> new_id)
      : service_(service),
        visitors_(visitors),
        home_domain_(std::move(home_domain)),
        drafts_(std::move(now), std::move(new_id)) {}

  void Create(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void ChangeStatus(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  nlohmann::json Body(const Exchange& exchange, const gateway::MediaSession& session) const;
  nlohmann::json DraftBody(const Exchange& exchange, const CallDraft& draft) const;
  void CreateForVisitor(const ExchangePointer& exchange);
  void CreateAsR2_2(const ExchangePointer& exchange, gateway::CallRequest request);
  void Start(const ExchangePointer& exchange, int status, gateway::CallRequest request);
  // Changes a draft; the offer starts it.
  void ChangeDraft(const ExchangePointer& exchange, const nlohmann::json& body);
  // Members that may be repeated must say what is known already. False when an error was answered.
  bool RepeatsSession(const Exchange& exchange, const nlohmann::json& body, call::Status& status, Mistakes& mistakes);

  gateway::Service& service_;
  gateway::VisitorService* const visitors_;
  const std::string home_domain_;
  CallDrafts drafts_;
};

}  // namespace byon::api
