#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// An INVITE that we have answered with 200 and whose ACK has not come: repeats the 200 as RFC 3261
// section 13.3.1.4 asks (T1, doubling up to T2, for 64*T1).
class AcceptedInvite {
 public:
  // `on_timeout` runs when no ACK came; it may destroy this object.
  AcceptedInvite(ShardContext& context, std::unique_ptr<ServerTransaction> invite, uint32_t cseq, std::string headers,
                 std::string body, std::function<void()> on_timeout);

  uint32_t cseq() const { return cseq_; }

 private:
  void SendAndWait();

  ShardContext& context_;
  std::unique_ptr<ServerTransaction> invite_;
  uint32_t cseq_;
  std::string headers_;
  std::string body_;
  std::function<void()> on_timeout_;
  std::chrono::milliseconds interval_;
  std::chrono::milliseconds waited_{0};
  ScopedTimer timer_;
};

}  // namespace byon::sip
