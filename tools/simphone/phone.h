#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/simphone/call.h"
#include "tools/simphone/dialog_publisher.h"
#include "tools/simphone/phone_config.h"
#include "tools/simphone/registration.h"
#include "tools/simphone/text_messages.h"
#include "tools/simphone/transaction_layer.h"

namespace byon::simphone {

// A SIM phone: one number, one registration, any number of calls, driven by commands and telling
// what happens by events. The commands and events are listed in README.md.
class Phone {
 public:
  using EventHandler = std::function<void(const nlohmann::json&)>;

  // Throws std::runtime_error when the configuration cannot be used.
  Phone(EventLoop& loop, PhoneConfig config, uint64_t seed, EventHandler handler);
  ~Phone();

  void Register() { registration_.Register(); }
  // Carries out one command; a command that cannot be carried out becomes an "error" event.
  void Execute(const nlohmann::json& command);
  // Hangs up, de-registers and calls `done` when the network has answered, or a little later.
  void ShutDown(std::function<void()> done);

 private:
  void Emit(nlohmann::json event);
  void OnRegistration(const Registration::Outcome& outcome);
  void OnRequest(const ServerTransactionPtr& transaction);
  void OnNewRequest(const ServerTransactionPtr& transaction);
  void RunCallCommand(const std::string& name, const nlohmann::json& command);
  void RunMediaCommand(const std::string& name, const nlohmann::json& command, Call& call);
  void ChangePolicy(const nlohmann::json& command);
  void PublishDialogs();
  void ForgetLater(const std::string& id);
  // The named call, or the newest that has not ended. Throws std::runtime_error when there is none.
  Call& FindCall(const nlohmann::json& command);

  EventLoop& loop_;
  PhoneConfig config_;
  EventHandler handler_;
  TransactionLayer transactions_;
  Registration registration_;
  TextMessages messages_;
  DialogPublisher dialogs_;
  CallContext context_;
  std::map<std::string, std::unique_ptr<Call>> calls_;
  std::vector<std::string> order_;  // call ids, oldest first
  int last_call_ = 0;
  std::function<void()> when_shut_down_;
};

}  // namespace byon::simphone
