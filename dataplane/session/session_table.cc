#include "dataplane/session/session_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::session {
namespace {

struct PortUse {
  uint16_t number;
  LocalPort kind;
};

std::array<PortUse, 3> PortsOf(const SessionConfig& config) {
  return {{{config.access.address.port, LocalPort::kAccess},
           {config.ims.rtp.port, LocalPort::kImsRtp},
           {config.ims.rtcp.port, LocalPort::kImsRtcp}}};
}

}  // namespace

SessionTable::SessionTable(size_t capacity) : capacity_(capacity), ports_(65536) { sessions_.reserve(capacity); }

bool SessionTable::IsPortTaken(const SessionConfig& config) const {
  for (const PortUse& port : PortsOf(config)) {
    if (ports_[port.number].session) return true;
  }
  return false;
}

MediaSession* SessionTable::Insert(std::unique_ptr<MediaSession> session) {
  const SessionConfig& config = session->config();
  BYON_CHECK(AccessPortOf(session->handle()) == config.access.address.port,
             "a handle is made with the access leg's port");
  BYON_CHECK(!is_full() && !IsPortTaken(config), "the caller has looked before");
  for (const PortUse& port : PortsOf(config)) ports_[port.number] = {session.get(), port.kind};
  sessions_.push_back(std::move(session));
  return sessions_.back().get();
}

std::unique_ptr<MediaSession> SessionTable::Remove(SessionHandle handle) {
  const MediaSession* session = FindByHandle(handle);
  if (!session) return nullptr;
  for (const PortUse& port : PortsOf(session->config())) ports_[port.number] = {};
  const auto found =
      std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& each) { return each.get() == session; });
  std::unique_ptr<MediaSession> result = std::move(*found);
  *found = std::move(sessions_.back());
  sessions_.pop_back();
  return result;
}

}  // namespace byon::session
