#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// Asks each P-CSCF from time to time whether it lives (OPTIONS, any answer will do), so that registrations leave one
// that died before somebody's call finds out (TS 23.380 section 5). Runs where there is another one to go to, and over
// TLS, where the questions keep the connection alive too (RFC 5626 section 4.4).
class HopMonitor {
 public:
  // `on_lost` runs when a hop that was good says nothing.
  HopMonitor(ShardContext& context, std::function<void(size_t hop)> on_lost);
  // The hop list is another one.
  void Update();
  // The number is another P-CSCF's from now on: what the former one was asked is nobody's question any more.
  void Forget(size_t hop);

 private:
  struct Hop {
    explicit Hop(SipThread& thread) : timer(thread) {}
    ScopedTimer timer;  // until the next question, then for its answer
    std::unique_ptr<ClientTransaction> transaction;
    uint32_t cseq = 0;
    bool is_asked = false;  // from time to time
  };

  void Schedule(size_t hop);
  void Ask(size_t hop);
  void HandleSilence(size_t hop);

  ShardContext& context_;
  const std::function<void(size_t)> on_lost_;
  const std::string call_id_;
  const std::string tag_;
  std::vector<std::unique_ptr<Hop>> hops_;
};

}  // namespace byon::sip
