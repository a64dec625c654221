#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/rpc/rpc_config.h"
#include "dataplane/worker/commands.h"

namespace byon::rpc {

// The gRPC server of MediaControl and of grpc.health.v1, with the control thread that reads the
// workers' reports. Runs from Start to destruction.
class RpcServer {
 public:
  // The mailboxes must outlive the server, and workers must serve them. The error is a sentence.
  static base::Result<std::unique_ptr<RpcServer>, std::string> Start(
      RpcConfig config, const std::vector<worker::WorkerMailbox*>& mailboxes);
  // Closes all sessions that are left, and waits for their workers for at most a second.
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Refuses new sessions; health turns to "not serving".
  void BeginDraining();
  size_t session_count() const;
  // The TCP port that was bound, for a listen address with port 0; 0 on unix sockets.
  int bound_port() const;

 private:
  class Running;
  explicit RpcServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace byon::rpc
