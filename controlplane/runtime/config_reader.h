#pragma once

#include "controlplane/runtime/config_values.h"

namespace byon::runtime {

// Fills a Config section by section, and says what does not fit together.
class ConfigReader : private ConfigValues {
 public:
  ConfigReader(const nlohmann::json& root, std::string prefix, std::filesystem::path directory, Mistakes& mistakes,
               Config& config)
      : ConfigValues(root, std::move(prefix), std::move(directory), mistakes), config_(config) {}

  // What the process has once.
  void ReadCommon();
  // What each operator may have of its own.
  void ReadOperator();

 private:
  void ReadHttp();
  void ReadWebSip();
  void ReadOauth();
  void ReadServerClients();
  void ReadIms();
  void ReadFork();
  void ReadNameServer(const std::string& pointer);
  void ReadEmergency();
  void ReadClickToCall();
  void ReadPush();
  void ReadServices();
  void ReadServerLimits();
  void CheckCommon();
  void CheckOperator();

  Config& config_;
};

}  // namespace byon::runtime
