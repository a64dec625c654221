#include "controlplane/presence/presence_book.h"

#include <algorithm>

namespace byon::presence {
namespace {

std::string WatchId(const std::string& number, const std::string& target, Package package) {
  return "watch/" + number + "/" + target + "/" + std::string(ToString(package));
}
std::string PublicationId(const std::string& number, Package package) {
  return "state/" + number + "/" + std::string(ToString(package));
}

Availability AvailabilityOf(const std::vector<DialogEntry>& dialogs, const std::optional<Pidf>& presence) {
  const auto has = [&](DialogPhase phase) {
    return std::any_of(dialogs.begin(), dialogs.end(), [&](const DialogEntry& one) { return one.phase == phase; });
  };
  if (has(DialogPhase::kConfirmed)) return Availability::kOnThePhone;
  if (presence && presence->Has("on-the-phone")) return Availability::kOnThePhone;
  if (!dialogs.empty()) return Availability::kRinging;
  if (!presence || !presence->is_open) return Availability::kUnknown;
  return *presence->is_open ? Availability::kAvailable : Availability::kOffline;
}

}  // namespace

std::string_view ToString(Availability availability) {
  switch (availability) {
    case Availability::kUnknown: return "unknown";
    case Availability::kOffline: return "offline";
    case Availability::kAvailable: return "available";
    case Availability::kRinging: return "ringing";
    case Availability::kOnThePhone: return "on-the-phone";
  }
  return "";
}

void PresenceBook::Restore(const std::string& number, const std::set<std::string>& watched) {
  watchers_[number].watched = watched;
}

void PresenceBook::RestoreCall(const std::string& number, const DialogEntry& call) {
  if (call.phase != DialogPhase::kTerminated) watchers_[number].calls[call.id] = call;
}

// ---- lines

void PresenceBook::OnLineUp(const std::string& number, const std::string& impu) {
  Watcher& watcher = watchers_[number];
  watcher.impu = impu;
  StartWatches(number, number);
  for (const std::string& target : watcher.watched) StartWatches(number, target);
  Publish(number, watcher);
}

void PresenceBook::OnLineDown(const std::string& number) {
  const auto found = watchers_.find(number);
  if (found == watchers_.end() || found->second.impu.empty()) return;
  Watcher& watcher = found->second;
  for (const Package package : config_.published) actions_.push_back(StopPublication{PublicationId(number, package)});
  StopWatches(number, number);
  for (const std::string& target : watcher.watched) StopWatches(number, target);
  watcher.impu.clear();
  watcher.targets.clear();
  watcher.calls.clear();
  if (watcher.watched.empty()) watchers_.erase(found);
}

void PresenceBook::StartWatches(const std::string& number, const std::string& target) {
  const Watcher& watcher = watchers_.at(number);
  for (const Package package : config_.watched) {
    const auto known = watcher.targets.find(target);
    if (known != watcher.targets.end() && known->second.refused.contains(package)) continue;
    const std::string uri = target == number ? watcher.impu : "sip:" + target + "@" + config_.home_domain;
    actions_.push_back(StartWatch{WatchId(number, target, package), number, uri, package});
  }
  if (can_watch()) watchers_.at(number).targets[target].shown.number = target;
}

void PresenceBook::StopWatches(const std::string& number, const std::string& target) {
  for (const Package package : config_.watched) actions_.push_back(StopWatch{WatchId(number, target, package)});
}

// ---- watching

bool PresenceBook::Watch(const std::string& number, const std::string& target) {
  Watcher& watcher = watchers_[number];
  if (watcher.watched.contains(target)) return true;
  if (watcher.watched.size() >= config_.max_watched_per_number) return false;
  watcher.watched.insert(target);
  actions_.push_back(PersistWatched{number});
  // One's own number is watched anyway.
  if (!watcher.impu.empty() && target != number) StartWatches(number, target);
  return true;
}

bool PresenceBook::Unwatch(const std::string& number, const std::string& target) {
  const auto found = watchers_.find(number);
  if (found == watchers_.end() || found->second.watched.erase(target) == 0) return false;
  actions_.push_back(PersistWatched{number});
  if (target != number) {
    StopWatches(number, target);
    found->second.targets.erase(target);
  }
  return true;
}

PresenceBook::Knowledge* PresenceBook::Find(const std::string& watch_id, std::string* number, std::string* target,
                                            Package* package) {
  const size_t first = watch_id.find('/');
  const size_t second = first == std::string::npos ? first : watch_id.find('/', first + 1);
  const size_t third = second == std::string::npos ? second : watch_id.find('/', second + 1);
  if (third == std::string::npos) return nullptr;
  *number = watch_id.substr(first + 1, second - first - 1);
  *target = watch_id.substr(second + 1, third - second - 1);
  *package = watch_id.substr(third + 1) == ToString(Package::kDialog) ? Package::kDialog : Package::kPresence;
  const auto watcher = watchers_.find(*number);
  if (watcher == watchers_.end()) return nullptr;
  const auto knowledge = watcher->second.targets.find(*target);
  return knowledge == watcher->second.targets.end() ? nullptr : &knowledge->second;
}

void PresenceBook::OnDocument(const std::string& watch_id, const std::string& document, WallTime now) {
  std::string number;
  std::string target;
  Package package{};
  Knowledge* knowledge = Find(watch_id, &number, &target, &package);
  if (knowledge == nullptr) return;
  if (package == Package::kDialog) {
    const auto info = ParseDialogInfo(document);
    if (!info) {
      ++malformed_;
      return;
    }
    Apply(*info, knowledge->dialogs);
  } else {
    auto pidf = ParsePidf(document);
    if (!pidf) {
      ++malformed_;
      return;
    }
    knowledge->presence = std::move(*pidf);
  }
  Show(number, target, *knowledge, now);
}

void PresenceBook::OnInterrupted(const std::string& watch_id, WallTime now) {
  std::string number;
  std::string target;
  Package package{};
  Knowledge* knowledge = Find(watch_id, &number, &target, &package);
  if (knowledge == nullptr) return;
  if (package == Package::kDialog) {
    knowledge->dialogs.clear();
  } else {
    knowledge->presence.reset();
  }
  Show(number, target, *knowledge, now);
}

void PresenceBook::OnRefused(const std::string& watch_id, WallTime now) {
  std::string number;
  std::string target;
  Package package{};
  Knowledge* knowledge = Find(watch_id, &number, &target, &package);
  if (knowledge == nullptr) return;
  knowledge->refused.insert(package);
  actions_.push_back(StopWatch{watch_id});
  OnInterrupted(watch_id, now);
}

void PresenceBook::Show(const std::string& number, const std::string& target, Knowledge& knowledge, WallTime now) {
  PresenceState state;
  state.number = target;
  state.availability = AvailabilityOf(knowledge.dialogs, knowledge.presence);
  if (knowledge.presence) state.note = knowledge.presence->note;
  state.is_refused = knowledge.refused.size() >= config_.watched.size();
  // Whom somebody else talks to is not the watcher's business.
  if (target == number) state.dialogs = knowledge.dialogs;
  const PresenceState& shown = knowledge.shown;
  const bool is_same = shown.availability == state.availability && shown.note == state.note &&
                       shown.is_refused == state.is_refused && shown.dialogs == state.dialogs;
  if (is_same) return;
  state.changed_at = now;
  knowledge.shown = state;
  actions_.push_back(TellPresence{number, std::move(state)});
}

PresenceState PresenceBook::OwnState(const std::string& number) const {
  const auto watcher = watchers_.find(number);
  if (watcher != watchers_.end()) {
    const auto known = watcher->second.targets.find(number);
    if (known != watcher->second.targets.end()) return known->second.shown;
  }
  PresenceState unknown;
  unknown.number = number;
  return unknown;
}

std::vector<PresenceState> PresenceBook::WatchedStates(const std::string& number) const {
  std::vector<PresenceState> states;
  const auto watcher = watchers_.find(number);
  if (watcher == watchers_.end()) return states;
  for (const std::string& target : watcher->second.watched) {
    PresenceState state;
    const auto known = watcher->second.targets.find(target);
    if (known != watcher->second.targets.end()) state = known->second.shown;
    state.number = target;
    states.push_back(std::move(state));
  }
  return states;
}

std::set<std::string> PresenceBook::Watched(const std::string& number) const {
  const auto watcher = watchers_.find(number);
  return watcher == watchers_.end() ? std::set<std::string>() : watcher->second.watched;
}

bool PresenceBook::IsWatched(const std::string& number, const std::string& target) const {
  return Watched(number).contains(target);
}

// ---- publishing

void PresenceBook::OnCall(const std::string& number, const DialogEntry& call) {
  const auto found = watchers_.find(number);
  if (found == watchers_.end()) return;
  auto& calls = found->second.calls;
  const auto known = calls.find(call.id);
  if (known != calls.end() && known->second == call) return;
  if (call.phase == DialogPhase::kTerminated) {
    if (calls.erase(call.id) == 0) return;
  } else {
    calls[call.id] = call;
  }
  Publish(number, found->second);
}

void PresenceBook::Publish(const std::string& number, Watcher& watcher) {
  if (watcher.impu.empty()) return;
  for (const Package package : config_.published) {
    StartPublication publication{PublicationId(number, package), number, package, {}};
    if (package == Package::kDialog) {
      DialogInfo info;
      info.entity = watcher.impu;
      for (const auto& [id, call] : watcher.calls) {
        info.dialogs.push_back(call);
        info.dialogs.back().local_uri = watcher.impu;
      }
      publication.document = BuildDialogInfo(info);
    } else {
      const bool is_talking = std::any_of(watcher.calls.begin(), watcher.calls.end(), [](const auto& call) {
        return call.second.phase == DialogPhase::kConfirmed;
      });
      Pidf pidf;
      pidf.entity = watcher.impu;
      pidf.is_open = true;
      if (is_talking) pidf.activities.push_back("on-the-phone");
      publication.document = BuildPidf(pidf);
    }
    actions_.push_back(std::move(publication));
  }
}

std::optional<Action> PresenceBook::PollAction() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace byon::presence
