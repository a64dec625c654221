#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/simphone/dialog.h"
#include "tools/simphone/phone_config.h"
#include "tools/simphone/registration.h"
#include "tools/simphone/transaction_layer.h"

namespace byon::simphone {

// Tells the network which calls the phone is in (RFC 3903, RFC 4235), so that another device may take one over.
class DialogPublisher {
 public:
  struct Entry {
    const Dialog* dialog = nullptr;
    bool is_initiator = false;
  };
  DialogPublisher(const PhoneConfig& config, TransactionLayer& transactions, Registration& registration)
      : config_(config), transactions_(transactions), registration_(registration) {}

  // The answered calls as they are now. One PUBLISH at a time: the next one names what the last one has made.
  void Publish(const std::vector<Entry>& calls);

 private:
  void Send(std::string document);

  const PhoneConfig& config_;
  TransactionLayer& transactions_;
  Registration& registration_;
  std::string entity_tag_;
  std::string published_;
  std::optional<std::string> pending_;
  bool is_open_ = false;
};

}  // namespace byon::simphone
