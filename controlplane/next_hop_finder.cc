#include "controlplane/next_hop_finder.h"

#include <fstream>
#include <sstream>

#include "controlplane/room_settings.h"

namespace byon {
namespace {

dns::ServerList ServersOf(const runtime::ImsSettings& ims) {
  std::ifstream file("/etc/resolv.conf");
  std::stringstream text;
  text << file.rdbuf();
  dns::ServerList list = dns::ParseResolvConf(text.str());
  if (ims.dns_servers.empty()) return list;
  list.servers.clear();
  for (const runtime::Endpoint& server : ims.dns_servers) list.servers.push_back({server.address, server.port});
  return list;
}

dns::LocateRequest RequestOf(const runtime::ImsSettings& ims) {
  return {.domain = ims.core_domain,
          .transport = ims.transport == "tls"   ? dns::SipTransport::kTls
                       : ims.transport == "tcp" ? dns::SipTransport::kTcp
                                                : dns::SipTransport::kUdp,
          .is_ipv6 = ims.local.address.find(':') != std::string::npos};
}

}  // namespace

NextHopFinder::NextHopFinder(const runtime::ImsSettings& ims, boost::asio::any_io_executor strand, runtime::Logger& log,
                             std::function<void(const std::vector<std::string>&)> on_found)
    : ims_(ims),
      log_(log),
      on_found_(std::move(on_found)),
      timers_(strand),
      resolver_(strand, ServersOf(ims)),
      watch_(RequestOf(ims),
             {.lookup = [this](const std::string& name, dns::RecordType type,
                               dns::Resolver::Handler handler) { resolver_.Resolve(name, type, std::move(handler)); },
              .random = dns::RandomBelow,
              .after = [this](std::chrono::milliseconds delay,
                              std::function<void()> ring) { return timers_.After(delay, std::move(ring)); }},
             [this](const std::vector<dns::Target>& targets) { HandleFound(targets); }) {
  watch_.on_failed = [this](unsigned failures) {
    log_.Warning("core_lookup", {{"domain", ims_.core_domain}, {"failures", failures}});
  };
}

void NextHopFinder::HandleFound(const std::vector<dns::Target>& targets) {
  std::vector<std::string> hops;
  std::string names;
  for (const dns::Target& target : targets) {
    hops.push_back(HopUri({target.address, target.port}, ims_.transport));
    names += (names.empty() ? "" : " ") + hops.back();
  }
  log_.Info("core_found", {{"domain", ims_.core_domain}, {"next_hops", names}});
  on_found_(hops);
}

}  // namespace byon
