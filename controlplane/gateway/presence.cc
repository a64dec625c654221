#include "controlplane/gateway/presence.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/call/address.h"
#include "controlplane/call/status.h"

namespace byon::gateway {
namespace {

using nlohmann::json;
using presence::DialogPhase;
using presence::PresenceState;

constexpr int kRecordVersion = 1;
// A number that nobody registers any more is forgotten.
constexpr std::chrono::hours kWatchLife{24 * 90};

DialogPhase PhaseOf(call::Status status) {
  using call::Status;
  switch (status) {
    case Status::kInitial:
    case Status::kInProgress: return DialogPhase::kTrying;
    case Status::kProceeding: return DialogPhase::kProceeding;
    case Status::kRinging:
    case Status::kWaiting: return DialogPhase::kEarly;
    case Status::kConnected:
    case Status::kHold:
    case Status::kResume: return DialogPhase::kConfirmed;
    default: return DialogPhase::kTerminated;
  }
}

presence::DialogEntry EntryOf(const MediaSession& session) {
  presence::DialogEntry call;
  // Not the mediaSessionId itself: who knows that may end the call.
  call.id = std::to_string(std::hash<std::string>()(session.media_session_id));
  call.is_initiator = session.is_originating;
  call.phase = PhaseOf(session.status);
  call.remote_uri = session.is_originating ? session.receiver_address : session.originator_address;
  if (call.remote_uri == call::kAnonymousAddress) call.remote_uri.clear();
  return call;
}

}  // namespace

void Presence::Restore(std::function<void()> done) {
  reader_ = std::make_unique<store::SliceReader>(ports_.store, ports_.post);
  reader_->ReadAll(
      store::Kind::kWatch, [this](store::Record& kept) { TakeWatches(kept); },
      [this, done = std::move(done)] {
        is_restored_ = true;
        if (done) done();
      });
}

void Presence::TakeWatches(const store::Record& kept) {
  const json record = json::parse(kept.value, nullptr, false);
  try {
    if (record.at("v") != kRecordVersion) throw std::out_of_range("version");
    book_.Restore(kept.key, record.at("watched").get<std::set<std::string>>());
  } catch (const std::exception&) {
    ports_.store.Delete(store::Kind::kWatch, kept.key);
  }
}

void Presence::Drain() {
  while (auto action = book_.PollAction()) Execute(*action);
}

void Presence::Execute(presence::Action& action) {
  if (auto* start = std::get_if<presence::StartWatch>(&action)) {
    const auto lines = ports_.lines.LinesOfNumber(start->number);
    if (lines.empty()) return;
    ports_.signaling.Watch({start->id, lines.front().binding, start->resource_uri, start->package});
  } else if (auto* stop = std::get_if<presence::StopWatch>(&action)) {
    ports_.signaling.Unwatch(stop->id);
  } else if (auto* publish = std::get_if<presence::StartPublication>(&action)) {
    const auto lines = ports_.lines.LinesOfNumber(publish->number);
    if (lines.empty()) return;
    ports_.signaling.Publish({publish->id, lines.front().binding, publish->package, std::move(publish->document)});
  } else if (auto* unpublish = std::get_if<presence::StopPublication>(&action)) {
    ports_.signaling.Unpublish(unpublish->id);
  } else if (auto* tell = std::get_if<presence::TellPresence>(&action)) {
    for (const Line& line : ports_.lines.LinesOfNumber(tell->number)) {
      ports_.events.OnEvent(line.device, PresenceChanged{line.registration_id, tell->state});
    }
  } else {
    const std::string& number = std::get<presence::PersistWatched>(action).number;
    const std::set<std::string> watched = book_.Watched(number);
    if (watched.empty()) return ports_.store.Delete(store::Kind::kWatch, number);
    ports_.store.Put(store::Kind::kWatch, number, json{{"v", kRecordVersion}, {"watched", watched}}.dump(),
                     ports_.clock.Read().wall + kWatchLife);
  }
}

// ---- PresenceService

Outcome<std::string> Presence::NumberOf(const Principal& who, const std::string& phone_number) const {
  if (!book_.can_watch()) {
    return Error{ErrorCode::kServiceNotApplicable, "Presence is not offered by this operator."};
  }
  // What is watched is kept as a whole: none of it may be changed before all of it is there.
  if (!is_restored_) return StillRestoring();
  if (!who.is_two_legged) {
    if (!phone_number.empty()) {
      return Error{ErrorCode::kUnnecessaryIdentifier,
                   "The phoneNumber is that of the access token and must not be given."};
    }
    if (!who.phone_number) return Error{ErrorCode::kInvalidTokenContext, "The access token names no phone number."};
    return *who.phone_number;
  }
  if (phone_number.empty()) {
    return Error{ErrorCode::kMissingIdentifier, "The phoneNumber must be given with a two-legged token."};
  }
  const bool is_there = !ports_.lines.LinesOf(who, phone_number).empty();
  if (!is_there && ports_.lines.is_restoring()) return StillRestoring();
  if (!is_there) return Error{ErrorCode::kNotFound, "The specified resource is not found."};
  return phone_number;
}

Outcome<PresenceList> Presence::GetPresence(const Principal& who, const std::string& phone_number) {
  const auto number = NumberOf(who, phone_number);
  if (const auto* error = std::get_if<Error>(&number)) return *error;
  return PresenceList{book_.OwnState(std::get<std::string>(number)),
                      book_.WatchedStates(std::get<std::string>(number))};
}

Outcome<PresenceState> Presence::GetWatched(const Principal& who, const std::string& phone_number,
                                            const std::string& target) {
  const auto number = NumberOf(who, phone_number);
  if (const auto* error = std::get_if<Error>(&number)) return *error;
  for (PresenceState& state : book_.WatchedStates(std::get<std::string>(number))) {
    if (state.number == target) return std::move(state);
  }
  return Error{ErrorCode::kNotFound, "The specified resource is not found."};
}

Outcome<PresenceState> Presence::WatchNumber(const Principal& who, const std::string& phone_number,
                                             const std::string& target) {
  const auto number = NumberOf(who, phone_number);
  if (const auto* error = std::get_if<Error>(&number)) return *error;
  if (!book_.Watch(std::get<std::string>(number), target)) {
    return Error{ErrorCode::kQuotaExceeded, "As many numbers are watched as may be."};
  }
  Drain();
  return GetWatched(who, phone_number, target);
}

Outcome<Done> Presence::UnwatchNumber(const Principal& who, const std::string& phone_number,
                                      const std::string& target) {
  const auto number = NumberOf(who, phone_number);
  if (const auto* error = std::get_if<Error>(&number)) return *error;
  if (!book_.Unwatch(std::get<std::string>(number), target)) {
    return Error{ErrorCode::kNotFound, "The specified resource is not found."};
  }
  Drain();
  return Done{};
}

// ---- from the network

void Presence::OnDocument(const std::string& watch_id, std::string document) {
  book_.OnDocument(watch_id, document, ports_.clock.Read().wall);
  Drain();
}

void Presence::OnWatchInterrupted(const std::string& watch_id) {
  book_.OnInterrupted(watch_id, ports_.clock.Read().wall);
  Drain();
}

void Presence::OnWatchRefused(const std::string& watch_id, int) {
  book_.OnRefused(watch_id, ports_.clock.Read().wall);
  Drain();
}

// ---- lines and calls

void Presence::OnLineUp(const Line& line, LineUp how) {
  if (!book_.is_used()) return;
  numbers_[line.registration_id] = line.phone_number;
  if (how == LineUp::kRestored) {
    // Nobody is told that a number is free whose call goes on.
    for (const MediaSession& session : ports_.lines.LiveCallsOn(line.registration_id)) {
      book_.RestoreCall(line.phone_number, EntryOf(session));
    }
  }
  book_.OnLineUp(line.phone_number, line.binding.impu);
  Drain();
}

void Presence::OnLineDown(const std::string& registration_id) {
  const auto node = numbers_.extract(registration_id);
  if (node.empty()) return;
  const auto lines = ports_.lines.LinesOfNumber(node.mapped());
  const auto other = std::find_if(lines.begin(), lines.end(),
                                  [&](const Line& line) { return line.registration_id != registration_id; });
  if (other == lines.end()) {
    book_.OnLineDown(node.mapped());
  } else {
    // What went by the one that is gone goes by another from now on.
    book_.OnLineUp(node.mapped(), other->binding.impu);
  }
  Drain();
}

void Presence::OnEvent(const DeviceKey&, const Event& event) {
  const MediaSession* session = nullptr;
  if (const auto* invited = std::get_if<SessionInvitation>(&event)) session = &invited->session;
  if (const auto* changed = std::get_if<SessionStatus>(&event)) session = &changed->session;
  // Who talks on at the phone is not free because the device is.
  if (session != nullptr && !away_.contains(session->media_session_id)) TellCall(*session);
}

void Presence::OnCallAway(const MediaSession& session) {
  if (call::IsTerminal(session.status)) {
    away_.erase(session.media_session_id);
  } else if (numbers_.contains(session.registration_id)) {
    away_.insert(session.media_session_id);
  }
  TellCall(session);
}

void Presence::TellCall(const MediaSession& told) {
  const MediaSession* session = &told;
  const auto number = numbers_.find(session->registration_id);
  if (number == numbers_.end()) return;
  book_.OnCall(number->second, EntryOf(*session));
  Drain();
}

}  // namespace byon::gateway
