#include "controlplane/api/channel/channel_registry.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <utility>

namespace byon::api {
namespace {

using nlohmann::json;
using store::Kind;

constexpr int kRecordVersion = 1;
constexpr std::chrono::minutes kSweepInterval{1};

std::string ChannelKey(const std::string& id) { return "c/" + id; }
std::string EventKey(const std::string& id, uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return "e/" + id + "/" + digits;
}

}  // namespace

void ChannelRegistry::Restore(std::function<void()> done) {
  reader_ = std::make_unique<store::SliceReader>(ports_.store, ports_.post);
  reader_->ReadAll(
      Kind::kChannel, [this](store::Record& record) { TakeRecord(record); },
      [this, done = std::move(done)] {
        InsertFound();
        is_restored_ = true;
        if (done) done();
      });
}

// Of those that were known before only their last use is known: it tells in which order they left.
void ChannelRegistry::InsertFound() {
  std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a->expires_at < b->expires_at; });
  for (auto& channel : found_) Insert(std::move(channel));
  std::vector<std::unique_ptr<Channel>>().swap(found_);
}

// Keys sort: channels ("c/") before their events ("e/"), events by number.
void ChannelRegistry::TakeRecord(const store::Record& record) {
  const json value = json::parse(record.value, nullptr, false);
  try {
    if (value.at("v") != kRecordVersion) throw std::out_of_range("version");
    if (record.key.starts_with("c/")) {
      auto channel = std::make_unique<Channel>();
      channel->id = record.key.substr(2);
      channel->owner = {value.at("client"), value.at("owner")};
      channel->device = {value.at("client"), value.at("user"), value.at("device")};
      channel->expires_at = record.expires_at.value_or(ports_.now() + config_.ttl);
      found_.push_back(std::move(channel));
      return;
    }
    if (!found_.empty()) InsertFound();
    const size_t slash = record.key.rfind('/');
    const auto it = channels_.find(record.key.substr(2, slash - 2));
    uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(record.key.data() + slash + 1, record.key.data() + record.key.size(), number, 16);
    if (it == channels_.end() || error != std::errc()) throw std::out_of_range("key");
    Channel& channel = *it->second;
    PendingEvent event{number, static_cast<EventType>(value.at("type").get<int>()), value.at("id"), value.at("text"),
                       WallTime(std::chrono::milliseconds(value.at("at").get<int64_t>()))};
    channel.last_number = std::max(channel.last_number, number);
    channel.pending_bytes += event.text.size();
    channel.pending.push_back(std::move(event));
  } catch (const std::exception&) {
    ports_.store.Delete(Kind::kChannel, record.key);
  }
}

std::variant<Channel*, ApiError> ChannelRegistry::Open(const Owner& owner, const gateway::DeviceKey& device) {
  // The device may have one that is not known yet.
  if (!is_restored()) return ErrorOf(gateway::StillRestoring());
  if (const auto it = by_device_.find(device); it != by_device_.end()) {
    Channel& channel = *channels_.at(it->second);
    if (channel.owner == owner && channel.expires_at > ports_.now()) {
      Touch(channel);
      return &channel;
    }
    Erase(it->second);
  }
  ForgetExpired();
  if (!MakeRoom(owner)) return ApiError{429, "QUOTA_EXCEEDED", "Out of resource quota."};
  auto channel = std::make_unique<Channel>();
  channel->id = ports_.new_id();
  channel->owner = owner;
  channel->device = device;
  Channel* kept = channel.get();
  Insert(std::move(channel));
  Touch(*kept);
  return kept;
}

void ChannelRegistry::Insert(std::unique_ptr<Channel> channel) {
  channel->left = ++last_left_;
  OfOwner& of_owner = of_owners_[channel->owner];
  ++of_owner.count;
  of_owner.idle[channel->left] = channel->id;
  by_device_[channel->device] = channel->id;
  channels_[channel->id] = std::move(channel);
}

// Prolongs the channel's life, in the store not more often than each tenth of it.
void ChannelRegistry::Touch(Channel& channel) {
  const WallTime expires_at = ports_.now() + config_.ttl;
  if (channel.expires_at + config_.ttl / 10 > expires_at) return;
  channel.expires_at = expires_at;
  const json value{{"v", kRecordVersion},
                   {"client", channel.owner.client_id},
                   {"owner", channel.owner.user},
                   {"user", channel.device.user},
                   {"device", channel.device.device_id}};
  ports_.store.Put(Kind::kChannel, ChannelKey(channel.id), value.dump(), expires_at);
}

Channel* ChannelRegistry::Find(const Owner& owner, const std::string& id) {
  const auto it = channels_.find(id);
  if (it == channels_.end() || it->second->owner != owner) return nullptr;
  if (IsOver(*it->second)) {
    Erase(id);
    return nullptr;
  }
  return it->second.get();
}

bool ChannelRegistry::Delete(const Owner& owner, const std::string& id) {
  if (Find(owner, id) == nullptr) return false;
  Erase(id);
  return true;
}

void ChannelRegistry::Erase(const std::string& id) {
  const auto it = channels_.find(id);
  const std::unique_ptr<Channel> channel = std::move(it->second);
  channels_.erase(it);
  const auto by_device = by_device_.find(channel->device);
  if (by_device != by_device_.end() && by_device->second == channel->id) by_device_.erase(by_device);
  const auto of_owner = of_owners_.find(channel->owner);
  of_owner->second.idle.erase(channel->left);
  if (--of_owner->second.count == 0) of_owners_.erase(of_owner);
  while (!channel->pending.empty()) DropFront(*channel);
  ports_.store.Delete(Kind::kChannel, ChannelKey(channel->id));
  if (channel->listener != nullptr) std::exchange(channel->listener, nullptr)->OnDeleted();
}

// Whether the owner may have one more, after the last of those that are not connected was given up for it.
bool ChannelRegistry::MakeRoom(const Owner& owner) {
  const size_t limit = owner.user.empty() ? config_.max_per_client : config_.max_per_user;
  for (auto it = of_owners_.find(owner); it != of_owners_.end() && it->second.count >= limit;
       it = of_owners_.find(owner)) {
    if (it->second.idle.empty()) return false;
    Erase(std::string(it->second.idle.begin()->second));
  }
  return true;
}

bool ChannelRegistry::IsOver(const Channel& channel) const {
  return channel.expires_at <= ports_.now() && channel.listener == nullptr;
}

// Looks at all of them, so now and then only; who is counted or asked for is looked at there.
void ChannelRegistry::ForgetExpired() {
  if (ports_.now() < next_sweep_) return;
  next_sweep_ = ports_.now() + kSweepInterval;
  std::vector<std::string> expired;
  for (const auto& [id, channel] : channels_) {
    if (IsOver(*channel)) expired.push_back(id);
  }
  for (const std::string& id : expired) Erase(id);
}

void ChannelRegistry::Attach(Channel& channel, ChannelListener* listener) {
  if (channel.listener != nullptr && channel.listener != listener) {
    std::exchange(channel.listener, nullptr)->OnReplaced();
  }
  of_owners_.at(channel.owner).idle.erase(channel.left);
  channel.listener = listener;
  DropOld(channel);
  Touch(channel);
}

void ChannelRegistry::Detach(const std::string& id, ChannelListener* listener) {
  const auto it = channels_.find(id);
  if (it == channels_.end() || it->second->listener != listener) return;
  Channel& channel = *it->second;
  channel.listener = nullptr;
  channel.left = ++last_left_;
  of_owners_.at(channel.owner).idle[channel.left] = id;
}

bool ChannelRegistry::Acknowledge(Channel& channel, const std::string& event_id) {
  const auto found = std::find_if(channel.pending.begin(), channel.pending.end(),
                                  [&event_id](const PendingEvent& event) { return event.id == event_id; });
  if (found == channel.pending.end()) return channel.last_acknowledged == event_id;
  channel.last_acknowledged = event_id;  // before the event goes that it may belong to
  for (auto count = std::distance(channel.pending.begin(), found) + 1; count > 0; --count) DropFront(channel);
  channel.has_gap = false;
  return true;
}

void ChannelRegistry::Deliver(const gateway::DeviceKey& device, const CloudEvent& event) {
  const auto it = by_device_.find(device);
  if (it == by_device_.end()) return;
  Channel& channel = *channels_.at(it->second);
  PendingEvent pending{++channel.last_number, event.type, event.id, event.Text(), ports_.now()};
  channel.pending_bytes += pending.text.size();
  const json value{
      {"v", kRecordVersion},
      {"type", static_cast<int>(event.type)},
      {"id", event.id},
      {"text", pending.text},
      {"at", std::chrono::duration_cast<std::chrono::milliseconds>(pending.at.time_since_epoch()).count()}};
  ports_.store.Put(Kind::kChannel, EventKey(channel.id, pending.number), value.dump(), pending.at + config_.replay);
  channel.pending.push_back(pending);
  DropOld(channel);
  if (channel.listener != nullptr) channel.listener->OnEvent(pending);
}

bool ChannelRegistry::IsConnected(const gateway::DeviceKey& device) const {
  const auto it = by_device_.find(device);
  return it != by_device_.end() && channels_.at(it->second)->listener != nullptr;
}

bool ChannelRegistry::IsSilentSince(const gateway::DeviceKey& device, WallTime then) const {
  const auto it = by_device_.find(device);
  if (it == by_device_.end()) return true;
  const std::list<PendingEvent>& pending = channels_.at(it->second)->pending;
  return !pending.empty() && pending.front().at <= then;
}

void ChannelRegistry::DropOld(Channel& channel) {
  const WallTime oldest = ports_.now() - config_.replay;
  while (channel.pending.size() > config_.replay_events || channel.pending_bytes > config_.replay_bytes ||
         (!channel.pending.empty() && channel.pending.front().at < oldest)) {
    DropFront(channel);
    channel.has_gap = true;
  }
}

void ChannelRegistry::DropFront(Channel& channel) {
  const PendingEvent& event = channel.pending.front();
  ports_.store.Delete(Kind::kChannel, EventKey(channel.id, event.number));
  channel.pending_bytes -= event.text.size();
  channel.pending.pop_front();
}

}  // namespace byon::api
