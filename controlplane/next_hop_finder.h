#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/api/asio_timers.h"
#include "controlplane/dns/location_watch.h"
#include "controlplane/dns/resolver.h"
#include "controlplane/runtime/config.h"
#include "controlplane/runtime/log.h"

namespace byon {

// Looks an operator's P-CSCFs up by DNS (ims.core_domain) and keeps the SIP side's list of them up to date. On the
// strand.
class NextHopFinder {
 public:
  // `on_found` gets SIP URIs, best first, never none. Null settings' core_domain is the caller's to test.
  NextHopFinder(const runtime::ImsSettings& ims, boost::asio::any_io_executor strand, runtime::Logger& log,
                std::function<void(const std::vector<std::string>&)> on_found);

  void Start() { watch_.Start(); }

 private:
  void HandleFound(const std::vector<dns::Target>& targets);

  const runtime::ImsSettings& ims_;
  runtime::Logger& log_;
  const std::function<void(const std::vector<std::string>&)> on_found_;
  api::AsioTimers timers_;
  dns::Resolver resolver_;
  dns::LocationWatch watch_;
};

}  // namespace byon
