#pragma once

#include <cstdint>

#include "dataplane/net/socket_address.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/session_stats.h"
#include "dataplane/worker/commands.h"
#include "media_control.pb.h"

// What the node tells, domain types to Protobuf messages, at the edge.
namespace byon::rpc {

namespace proto = ::byon::media::v1;

void ToProto(const net::SocketAddress& address, proto::SocketAddress& message);
void ToProto(const session::SessionStats& stats, proto::SessionStats& message);
void ToProto(uint32_t worker, const worker::WorkerStats& stats, proto::WorkerStats& message);
proto::TransportState ToProto(session::TransportState state);
// False when the event has no message.
bool ToProto(const session::SessionEvent& event, proto::Event& message);

}  // namespace byon::rpc
