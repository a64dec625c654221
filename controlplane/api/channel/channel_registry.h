#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "controlplane/api/api_error.h"
#include "controlplane/api/events/cloud_event.h"
#include "controlplane/api/owner.h"
#include "controlplane/store/slice_reader.h"

namespace byon::api {

struct ChannelConfig {
  size_t replay_events = 256;
  size_t replay_bytes = 1 << 20;
  std::chrono::seconds replay{120};
  std::chrono::seconds ttl{86400};
  // Connected at a time; of more devices the one that left first is forgotten.
  size_t max_per_user = 20;
  size_t max_per_client = 20'000;  // with a 2-legged token, all lines together
};

// An event that the client has not acknowledged yet.
struct PendingEvent {
  uint64_t number = 0;  // counts in the channel from 1
  EventType type{};
  std::string id;
  std::string text;
  WallTime at;
};

// Who takes a channel's events while it is connected.
class ChannelListener {
 public:
  virtual ~ChannelListener() = default;
  virtual void OnEvent(const PendingEvent& event) = 0;
  // Another connection took the channel, or it was deleted.
  virtual void OnReplaced() = 0;
  virtual void OnDeleted() = 0;
};

// The event channel of one device of one user.
struct Channel {
  std::string id;
  Owner owner;
  gateway::DeviceKey device;
  WallTime expires_at;
  std::list<PendingEvent> pending;  // of most channels empty, which costs a list nothing
  size_t pending_bytes = 0;
  uint64_t last_number = 0;
  std::string last_acknowledged;  // id
  bool has_gap = false;           // events were dropped since the last acknowledgement
  ChannelListener* listener = nullptr;
  uint64_t left = 0;  // counts; the higher, the later its client went or the channel was made
};

// The channels, their unacknowledged events and both in the store, so that a client finds after a restart of
// the gateway what it has missed. On the strand.
class ChannelRegistry {
 public:
  struct Ports {
    store::Store& store;
    Clock now;
    std::function<std::string()> new_id;
    // Leads to the strand, from any thread; null where the store answers on it.
    std::function<void(std::function<void()>)> post = nullptr;
  };
  ChannelRegistry(ChannelConfig config, Ports ports) : config_(config), ports_(std::move(ports)) {}

  // It goes on between other things on the strand; until `done` is called there are no channels.
  void Restore(std::function<void()> done = nullptr);
  bool is_restored() const { return reader_ == nullptr || is_restored_; }
  // The channel of the device, made if there is none. An owner who has as many channels as he may have loses the one
  // whose client went first; only when all are connected he is refused.
  std::variant<Channel*, ApiError> Open(const Owner& owner, const gateway::DeviceKey& device);
  // Null when there is none or it belongs to somebody else.
  Channel* Find(const Owner& owner, const std::string& id);
  bool Exists(const std::string& id) const { return channels_.contains(id); }
  bool Delete(const Owner& owner, const std::string& id);

  void Attach(Channel& channel, ChannelListener* listener);
  void Detach(const std::string& id, ChannelListener* listener);
  // Forgets the event and all before it; false when the id is not known any more.
  bool Acknowledge(Channel& channel, const std::string& event_id);
  void Deliver(const gateway::DeviceKey& device, const CloudEvent& event);
  // Whether a client of the device is connected.
  bool IsConnected(const gateway::DeviceKey& device) const;
  // Whether the device has left an event unacknowledged that it was told then or before.
  bool IsSilentSince(const gateway::DeviceKey& device, WallTime then) const;
  size_t size() const { return channels_.size(); }

 private:
  struct OfOwner {
    size_t count = 0;
    std::map<uint64_t, std::string> idle;  // by `left`: whose client went first stands first; ids
  };
  void TakeRecord(const store::Record& record);
  void InsertFound();
  void DropFront(Channel& channel);
  void DropOld(Channel& channel);
  void Touch(Channel& channel);
  void Insert(std::unique_ptr<Channel> channel);
  void Erase(const std::string& id);
  bool MakeRoom(const Owner& owner);
  bool IsOver(const Channel& channel) const;
  void ForgetExpired();

  const ChannelConfig config_;
  Ports ports_;
  std::unordered_map<std::string, std::unique_ptr<Channel>> channels_;
  std::map<gateway::DeviceKey, std::string> by_device_;
  std::map<Owner, OfOwner> of_owners_;
  WallTime next_sweep_;
  uint64_t last_left_ = 0;
  bool is_restored_ = false;
  std::vector<std::unique_ptr<Channel>> found_;  // while it restores
  std::unique_ptr<store::SliceReader> reader_;   // the same
};

}  // namespace byon::api
