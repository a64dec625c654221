#include "controlplane/sip/events/device_finder.h"

#include <algorithm>

#include "controlplane/sip/text/reginfo.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxDevices = 16;
constexpr const char* kReginfo = "application/reginfo+xml";

// A device stands once under each identity of its registration; of these the one that was asked for counts.
std::vector<call::RegisteredDevice> DevicesOf(const Reginfo& document, const std::string& identity) {
  std::vector<const ReginfoRegistration*> registrations;
  for (const ReginfoRegistration& one : document.registrations) {
    if (!one.is_terminated) registrations.push_back(&one);
  }
  std::stable_partition(registrations.begin(), registrations.end(),
                        [&](const auto* one) { return one->aor == identity; });
  std::vector<call::RegisteredDevice> devices;
  std::vector<std::string> names;  // of each device, how the document tells it from others
  for (const ReginfoRegistration* registration : registrations) {
    for (const ReginfoContact& contact : registration->contacts) {
      if (contact.is_terminated) continue;
      const std::string& name = contact.instance_id.empty() ? contact.uri : contact.instance_id;
      const auto index = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (index == kMaxDevices) continue;
      if (index == names.size()) {
        names.push_back(name);
        devices.push_back({.gruu = {}, .instance_id = contact.instance_id, .is_phone = false});
      }
      call::RegisteredDevice& device = devices[index];
      if (device.gruu.empty() && IsSafeUri(contact.gruu)) device.gruu = contact.gruu;
      device.is_phone = device.is_phone || contact.is_phone;
    }
  }
  return devices;
}

}  // namespace

class DeviceFinder::Search : private EventSubscription::Owner {
 public:
  Search(DeviceFinder& finder, call::CallId id, EventSubscription::Target target)
      : finder_(finder),
        id_(std::move(id)),
        target_(std::move(target)),
        subscription_(finder.context_, *this, {"reg", kReginfo, 0}),
        timer_(finder.context_.thread) {}

  void Start() {
    timer_.Set(finder_.context_.config.timers.device_search, [this] { Finish({}); });
    subscription_.Send();
  }
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request) {
    return !is_over_ && subscription_.HandleNotify(transaction, request);
  }

 private:
  EventSubscription::Target CurrentTarget() const override { return target_; }
  // Taken: the NOTIFY comes. Else it would be asked again later, and nobody waits so long.
  void OnWaiting() override {
    if (subscription_.state().remote_tag.empty()) Finish({});
  }
  void OnRefused(int) override { Finish({}); }
  void OnNotification(const EventSubscription::Notification& notification) override {
    if (notification.body.empty() || notification.content_type != kReginfo) {
      if (notification.is_terminated) Finish({});
      return;
    }
    const auto document = ParseReginfo(notification.body);
    if (!document) finder_.context_.counters.Add(SipCounter::kRegEventMalformed);
    Finish(document ? DevicesOf(*document, target_.resource) : std::vector<call::RegisteredDevice>());
  }
  void Finish(std::vector<call::RegisteredDevice> devices) {
    if (std::exchange(is_over_, true)) return;
    timer_.Clear();
    // A network that has begun a subscription all the same is told to end it.
    const bool has_begun = subscription_.next_send() && !subscription_.state().remote_tag.empty();
    if (has_begun) subscription_.Stop();
    finder_.Finish(id_, std::move(devices));
  }

  DeviceFinder& finder_;
  const call::CallId id_;
  const EventSubscription::Target target_;
  EventSubscription subscription_;
  ScopedTimer timer_;
  bool is_over_ = false;
};

DeviceFinder::DeviceFinder(ShardContext& context, RegistrationClient& registrations)
    : context_(context), registrations_(registrations) {}
DeviceFinder::~DeviceFinder() = default;

void DeviceFinder::Find(const call::CallId& id, const call::SipBinding& binding) {
  const bool are_routes_safe = std::all_of(binding.service_route.begin(), binding.service_route.end(), IsSafeText);
  const bool is_usable = IsSafeUri(binding.impu) && IsSafeUri(binding.next_hop) && are_routes_safe &&
                         IsSafeUri("sip:" + binding.contact_token + "@x");
  if (!is_usable || searches_.contains(id)) return Finish(id, {});
  const std::string identity = ClaimedSipIdentity(binding.impu, binding.associated_uris);
  EventSubscription::Target target{.resource = identity,
                                   .impu = identity,
                                   .impi = registrations_.ImpiOf(binding.registration_id),
                                   .contact_token = binding.contact_token,
                                   .next_hop = binding.next_hop,
                                   .routes = context_.OriginatingRoutes(binding.next_hop, binding.service_route)};
  auto& search = searches_[id];
  search = std::make_unique<Search>(*this, id, std::move(target));
  search->Start();
}

bool DeviceFinder::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  for (const auto& [id, search] : searches_) {
    if (search->HandleNotify(transaction, request)) return true;  // it may be gone now
  }
  return false;
}

void DeviceFinder::Finish(const call::CallId& id, std::vector<call::RegisteredDevice> devices) {
  context_.notify_calls(
      [id, devices = std::move(devices)](call::SipSignalingObserver& observer) { observer.OnDevices(id, devices); });
  // Not now: the subscription is on the stack.
  if (auto node = searches_.extract(id); !node.empty()) {
    over_.push_back(std::move(node.mapped()));
    context_.thread.After(std::chrono::milliseconds(0), [this] { over_.clear(); });
  }
}

}  // namespace byon::sip
