#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/presence/dialog_info.h"
#include "controlplane/presence/event_signaling.h"
#include "controlplane/presence/pidf.h"

namespace byon::presence {

using WallTime = std::chrono::system_clock::time_point;

// Validated at start; see config/controlplane.yaml.
struct PresenceConfig {
  std::string home_domain = "ims.example";
  std::vector<Package> watched;    // empty: nobody is watched
  std::vector<Package> published;  // empty: nothing is told
  size_t max_watched_per_number = 50;
};

enum class Availability : uint8_t { kUnknown, kOffline, kAvailable, kRinging, kOnThePhone };
std::string_view ToString(Availability availability);

// What the network says of a number.
struct PresenceState {
  std::string number;  // +E.164
  Availability availability = Availability::kUnknown;
  std::string note;
  bool is_refused = false;           // the network does not tell
  std::vector<DialogEntry> dialogs;  // live ones of all the number's devices; of the own number only
  WallTime changed_at;
};

// ---- what the book wants done; carried out in order

struct StartWatch {
  std::string id;
  std::string number;  // in whose name
  std::string resource_uri;
  Package package = Package::kPresence;
};
struct StopWatch {
  std::string id;
};
struct StartPublication {
  std::string id;
  std::string number;
  Package package = Package::kPresence;
  std::string document;
};
struct StopPublication {
  std::string id;
};
struct TellPresence {
  std::string number;  // whose devices are to be told
  PresenceState state;
};
// The list of whom a number watches has changed.
struct PersistWatched {
  std::string number;
};
using Action = std::variant<StartWatch, StopWatch, StartPublication, StopPublication, TellPresence, PersistWatched>;

// Who watches whom, what is known of them, and what the network is told of our own calls. Sans-IO:
// inputs leave actions behind; the owner polls until there are none.
class PresenceBook {
 public:
  explicit PresenceBook(PresenceConfig config) : config_(std::move(config)) {}

  bool can_watch() const { return !config_.watched.empty(); }
  // Otherwise it needs to know of no lines.
  bool is_used() const { return can_watch() || !config_.published.empty(); }
  void Restore(const std::string& number, const std::set<std::string>& watched);
  // A call that was there before; before the number's line is up, so that it is told with its call.
  void RestoreCall(const std::string& number, const DialogEntry& call);

  // The number has a registration (again): its subscriptions and publications are begun or renewed.
  void OnLineUp(const std::string& number, const std::string& impu);
  // It has none any more.
  void OnLineDown(const std::string& number);

  // False when the number watches as many as it may; watching twice is once.
  [[nodiscard]] bool Watch(const std::string& number, const std::string& target);
  bool Unwatch(const std::string& number, const std::string& target);

  void OnDocument(const std::string& watch_id, const std::string& document, WallTime now);
  void OnInterrupted(const std::string& watch_id, WallTime now);
  void OnRefused(const std::string& watch_id, WallTime now);

  // A call of the number through this gateway; `id` names it, kTerminated ends it.
  void OnCall(const std::string& number, const DialogEntry& call);

  // Of the number itself, and of those that it watches.
  PresenceState OwnState(const std::string& number) const;
  std::vector<PresenceState> WatchedStates(const std::string& number) const;
  std::set<std::string> Watched(const std::string& number) const;
  bool IsWatched(const std::string& number, const std::string& target) const;

  std::optional<Action> PollAction();
  uint64_t malformed_documents() const { return malformed_; }

 private:
  // What is known of one number in the name of another.
  struct Knowledge {
    std::vector<DialogEntry> dialogs;
    std::optional<Pidf> presence;
    std::set<Package> refused;
    PresenceState shown;
  };
  struct Watcher {
    std::string impu;                          // empty: not registered
    std::map<std::string, Knowledge> targets;  // the number itself too
    std::set<std::string> watched;
    std::map<std::string, DialogEntry> calls;
  };
  void StartWatches(const std::string& number, const std::string& target);
  void StopWatches(const std::string& number, const std::string& target);
  void Publish(const std::string& number, Watcher& watcher);
  void Show(const std::string& number, const std::string& target, Knowledge& knowledge, WallTime now);
  // The knowledge behind a watch; null when it has ended.
  Knowledge* Find(const std::string& watch_id, std::string* number, std::string* target, Package* package);

  const PresenceConfig config_;
  std::map<std::string, Watcher> watchers_;
  std::deque<Action> actions_;
  uint64_t malformed_ = 0;
};

}  // namespace byon::presence
