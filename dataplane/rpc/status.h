#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "dataplane/worker/commands.h"

namespace byon::rpc {

// INVALID_ARGUMENT with one sentence: field, value, what is allowed.
grpc::Status Invalid(const std::string& sentence);

// A worker's answer as the caller gets it.
grpc::Status StatusOf(worker::CommandStatus status);

}  // namespace byon::rpc
