#include "dataplane/rpc/status.h"

namespace byon::rpc {

using grpc::Status;
using grpc::StatusCode;

Status Invalid(const std::string& sentence) { return {StatusCode::INVALID_ARGUMENT, sentence}; }

Status StatusOf(worker::CommandStatus status) {
  switch (status) {
    case worker::CommandStatus::kDone: return Status::OK;
    case worker::CommandStatus::kNoSuchSession: return {StatusCode::NOT_FOUND, "no such session"};
    case worker::CommandStatus::kSessionExists:
      return {StatusCode::RESOURCE_EXHAUSTED, "the worker still holds one of the ports"};
    case worker::CommandStatus::kPortInUse:
      return {StatusCode::RESOURCE_EXHAUSTED, "other programs on this machine use the media ports"};
    case worker::CommandStatus::kPortUnusable:
      return {StatusCode::RESOURCE_EXHAUSTED,
              "the media address is not one of this machine's, or no file descriptor is left"};
    case worker::CommandStatus::kNoCapacity:
      return {StatusCode::RESOURCE_EXHAUSTED, "no worker has room for another session"};
    case worker::CommandStatus::kWrongState:
      return {StatusCode::FAILED_PRECONDITION,
              "the DTLS handshake has begun in the other role, or the session is joined with another"};
    case worker::CommandStatus::kNoSuchPeer: return {StatusCode::NOT_FOUND, "no such session to join with"};
    case worker::CommandStatus::kNotNegotiated:
      return {StatusCode::FAILED_PRECONDITION,
              "the leg has no telephone-event or codec for it, or its queue of digits is full"};
  }
  return {StatusCode::UNAVAILABLE, "the worker gave no known answer"};
}

}  // namespace byon::rpc
