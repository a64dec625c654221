#include <cstddef>
#include <cstdint>

#include "dataplane/rpc/proto_conversion.h"

// A request from the wire into domain types: what passes the checks must be usable.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  rpc::proto::CreateSessionRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return 0;
  (void)rpc::CheckSessionId(request.session_id());
  (void)rpc::CheckControllerId(request.controller_id());
  const auto access = rpc::ToDomain(request.access(), "access");
  if (access.ok() && access->audio && access->audio->receive.empty()) __builtin_trap();
  const auto ims = rpc::ToDomain(request.ims(), "ims", true);
  if (ims.ok() && ims->audio && ims->audio->receive.empty()) __builtin_trap();
  rpc::proto::SendDtmfRequest dtmf;
  if (dtmf.ParseFromArray(data, static_cast<int>(size))) (void)rpc::ToDomain(dtmf);
  return 0;
}
