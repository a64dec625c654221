#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/metrics/metric_set.h"
#include "controlplane/runtime/config.h"
#include "controlplane/runtime/log.h"
#include "controlplane/store/store.h"

namespace byon {

// What the operators of one process have in common.
struct SharedRooms {
  boost::asio::strand<boost::asio::io_context::executor_type> strand;
  store::Store& store;
  const runtime::Logger& log;
  std::string version;
  bool has_one_operator = true;  // of a file without a list: nothing needs its name then
};

// All that serves one operator: its IMS side, tokens, calls, events, limits and counters. Operators meet in the
// server, the store's file and the strand only.
class OperatorRooms {
 public:
  // Binds the operator's SIP sockets. Throws std::runtime_error with one sentence when something cannot be had.
  OperatorRooms(const runtime::OperatorConfig& config, const SharedRooms& shared);
  ~OperatorRooms();
  OperatorRooms(const OperatorRooms&) = delete;
  OperatorRooms& operator=(const OperatorRooms&) = delete;

  const std::string& id() const;
  api::HttpApplication& application();
  // What is not ready yet, in words; empty: ready.
  std::string Unreadiness() const;
  // Takes up what an earlier process left and fetches keys; once, on the strand.
  void Start();
  // Ends what another process cannot take up, on the strand.
  void HandOver();
  // Ends all calls and registrations towards the network, on the strand.
  void EndService(const std::string& reason);
  bool HasEnded() const;
  // SIP and media fall silent; calls and registrations live on. Not on the strand.
  void Stop();
  // Adds what is measured; `done` on the strand, once the dataplanes have answered. `set` lives until then.
  void CollectMetrics(metrics::MetricSet& set, std::function<void()> done) const;
  // The counters so far, into the log.
  void LogTotals() const;

 private:
  struct Rooms;
  std::unique_ptr<Rooms> rooms_;
};

// Under which name an operator's records are kept; that of a file without a list has none.
std::string StoreScopeOf(const std::string& operator_id);

}  // namespace byon
