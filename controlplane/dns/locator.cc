#include "controlplane/dns/locator.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <tuple>

namespace byon::dns {
namespace {

using std::chrono::seconds;

constexpr size_t kMaxTargets = 16;
constexpr size_t kMaxServices = 8;
constexpr seconds kLongestTtl{86400};

struct TransportNames {
  const char* service;  // of NAPTR (RFC 3263 section 4.1)
  const char* prefix;   // of SRV
  uint16_t port;        // RFC 3261 section 19.1.2
};

TransportNames NamesOf(SipTransport transport) {
  switch (transport) {
    case SipTransport::kUdp: return {"SIP+D2U", "_sip._udp.", 5060};
    case SipTransport::kTcp: return {"SIP+D2T", "_sip._tcp.", 5060};
    case SipTransport::kTls: return {"SIPS+D2T", "_sips._tcp.", 5061};
  }
  return {"", "", 0};
}

// One location under way. Keeps itself alive in the handlers of what it waits for.
class Search : public std::enable_shared_from_this<Search> {
 public:
  Search(const LocateRequest& request, Lookup lookup, std::function<uint32_t(uint32_t)> random,
         std::function<void(const Location&)> handler)
      : request_(request),
        names_(NamesOf(request.transport)),
        lookup_(std::move(lookup)),
        random_(std::move(random)),
        handler_(std::move(handler)) {
    location_.ttl = kLongestTtl;
  }

  void Start() {
    Ask(request_.domain, RecordType::kNaptr, [](Search& search, const Answer& answer) { search.HandleNaptr(answer); });
  }

 private:
  struct Host {
    std::string name;
    uint16_t port = 0;
  };

  void Ask(const std::string& name, RecordType type, void (*next)(Search&, const Answer&)) {
    lookup_(name, type, [self = shared_from_this(), next](const Answer& answer) {
      self->Note(answer);
      next(*self, answer);
    });
  }
  void Note(const Answer& answer) {
    if (answer.kind == Answer::Kind::kFailed) location_.is_certain = false;
    if (answer.kind == Answer::Kind::kRecords) location_.ttl = std::min(location_.ttl, answer.ttl);
  }

  void HandleNaptr(const Answer& answer);
  void AskNextService();
  void HandleService(const Answer& answer);
  void AskNextHost();
  void HandleAddresses(const Answer& answer);
  void AddByWeight(std::vector<Service> same_priority);
  void Finish() {
    if (location_.targets.empty()) location_.ttl = seconds(0);
    handler_(location_);
  }

  const LocateRequest request_;
  const TransportNames names_;
  const Lookup lookup_;
  const std::function<uint32_t(uint32_t)> random_;
  const std::function<void(const Location&)> handler_;
  std::deque<std::string> services_;
  bool has_service_ = false;
  std::deque<Host> hosts_;
  Location location_;
};

void Search::HandleNaptr(const Answer& answer) {
  std::vector<NamingAuthority> found;
  for (const Record& record : answer.records) {
    const auto* naptr = std::get_if<NamingAuthority>(&record.data);
    const bool is_ours = naptr != nullptr && naptr->service == names_.service && naptr->flags == "s";
    if (is_ours && !naptr->replacement.empty()) found.push_back(*naptr);
  }
  std::stable_sort(found.begin(), found.end(), [](const NamingAuthority& a, const NamingAuthority& b) {
    return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
  });
  for (const NamingAuthority& naptr : found) {
    if (services_.size() < kMaxServices) services_.push_back(naptr.replacement);
  }
  // None for the transport that the operator chose: the service may be there all the same.
  if (services_.empty()) services_.push_back(names_.prefix + request_.domain);
  AskNextService();
}

void Search::AskNextService() {
  if (!services_.empty()) {
    const std::string name = services_.front();
    services_.pop_front();
    return Ask(name, RecordType::kSrv, [](Search& search, const Answer& answer) { search.HandleService(answer); });
  }
  if (!has_service_) hosts_.push_back({request_.domain, names_.port});
  AskNextHost();
}

void Search::HandleService(const Answer& answer) {
  std::vector<Service> services;
  for (const Record& record : answer.records) {
    if (const auto* service = std::get_if<Service>(&record.data)) services.push_back(*service);
  }
  has_service_ = has_service_ || !services.empty();
  std::stable_sort(services.begin(), services.end(),
                   [](const Service& a, const Service& b) { return a.priority < b.priority; });
  for (size_t start = 0; start < services.size();) {
    size_t end = start;
    while (end < services.size() && services[end].priority == services[start].priority) ++end;
    AddByWeight({services.begin() + static_cast<ptrdiff_t>(start), services.begin() + static_cast<ptrdiff_t>(end)});
    start = end;
  }
  AskNextService();
}

// RFC 2782 "Weight": those without weight first in the list, then a draw by running sums, again and again.
void Search::AddByWeight(std::vector<Service> left) {
  std::stable_sort(left.begin(), left.end(), [](const Service& a, const Service& b) { return a.weight < b.weight; });
  while (!left.empty()) {
    uint32_t sum = 0;
    for (const Service& service : left) sum += service.weight;
    const uint32_t drawn = random_(sum + 1);
    uint32_t running = 0;
    auto chosen = left.begin();
    for (; chosen + 1 != left.end(); ++chosen) {
      running += chosen->weight;
      if (running >= drawn) break;
    }
    // A root as target: the service is decidedly not there.
    if (!chosen->target.empty() && chosen->port != 0) hosts_.push_back({chosen->target, chosen->port});
    left.erase(chosen);
  }
}

void Search::AskNextHost() {
  if (hosts_.empty() || location_.targets.size() >= kMaxTargets) return Finish();
  Ask(hosts_.front().name, request_.is_ipv6 ? RecordType::kAaaa : RecordType::kA,
      [](Search& search, const Answer& answer) { search.HandleAddresses(answer); });
}

void Search::HandleAddresses(const Answer& answer) {
  const uint16_t port = hosts_.front().port;
  hosts_.pop_front();
  for (const Record& record : answer.records) {
    const auto* address = std::get_if<Address>(&record.data);
    if (address == nullptr || location_.targets.size() >= kMaxTargets) continue;
    const Target target{address->text, port};
    auto& targets = location_.targets;
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(target);
  }
  AskNextHost();
}

}  // namespace

void Locate(const LocateRequest& request, Lookup lookup, std::function<uint32_t(uint32_t)> random,
            std::function<void(const Location&)> handler) {
  std::make_shared<Search>(request, std::move(lookup), std::move(random), std::move(handler))->Start();
}

}  // namespace byon::dns
