#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/simphone/digest.h"
#include "tools/simphone/phone_config.h"
#include "tools/simphone/transaction_layer.h"

namespace byon::simphone {

// Keeps one number registered (TS 24.229 section 5.1.1): digest, refresh, Path, Service-Route.
class Registration {
 public:
  struct Outcome {
    int status = 0;  // of the last response; 408 for none
    std::string reason;
    bool is_registered = false;
    int expires_s = 0;
  };
  using OutcomeHandler = std::function<void(const Outcome&)>;

  Registration(const PhoneConfig& config, TransactionLayer& transactions, SipEndpoint pcscf, OutcomeHandler handler);

  void Register() { Start(config_.expires_s); }
  void Deregister() { Start(0); }

  // P-CSCF first, then Service-Route (TS 24.229 section 5.1.2A.1.1).
  std::vector<std::string> RouteSet() const;
  const std::vector<std::string>& associated_uris() const { return associated_uris_; }
  const std::vector<std::string>& path() const { return path_; }
  bool is_registered() const { return is_registered_; }
  std::string ContactUri() const;

 private:
  void Start(int expires_s);
  void SendRegister();
  void Receive(const SipMessage& response);
  void ReceiveChallenge(const SipMessage& response);
  void ReceiveSuccess(const SipMessage& response);
  void ScheduleRefresh(int expires_s);

  const PhoneConfig& config_;
  TransactionLayer& transactions_;
  SipEndpoint pcscf_;
  OutcomeHandler handler_;

  std::string call_id_;
  std::string from_tag_;
  uint32_t cseq_ = 0;
  int wanted_expires_s_ = 0;
  int challenges_in_a_row_ = 0;
  std::optional<DigestChallenge> challenge_;
  uint32_t nonce_count_ = 0;
  bool is_registered_ = false;
  std::vector<std::string> service_route_;
  std::vector<std::string> path_;
  std::vector<std::string> associated_uris_;
  EventLoop::TimerId refresh_timer_ = 0;
};

}  // namespace byon::simphone
