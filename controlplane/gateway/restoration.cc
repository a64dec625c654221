#include "controlplane/gateway/restoration.h"

#include <algorithm>
#include <utility>

#include "controlplane/gateway/record_json.h"

namespace byon::gateway {
namespace {

constexpr size_t kMostTokens = 200'000;

}  // namespace

void Gateway::Restoration::Start() {
  core_.restored = Restored::kNothing;
  const auto begin = [this] { ReadAll(store::Kind::kCall, &Restoration::TakeCall, &Restoration::ReadTraces); };
  before_.calls ? before_.calls(begin) : begin();
}

void Gateway::Restoration::RememberToken(Principal who, DeviceKey device) {
  if (tokens_.size() < kMostTokens) tokens_.emplace_back(std::move(who), std::move(device));
}

void Gateway::Restoration::DropUnreadable(store::Kind kind, const std::string& key) {
  ++core_.stats.unreadable_records;
  core_.ports.store.Delete(kind, key);
}

// ---- calls

void Gateway::Restoration::TakeCall(store::Record& kept) {
  auto record = ReadCallRecord(kept.value);
  if (!record) return DropUnreadable(store::Kind::kCall, kept.key);
  with_calls_.insert(record->owner.registration_id);
  traces_.try_emplace(record->id);
  calls_.push_back(std::move(*record));
}

void Gateway::Restoration::TakeTrace(store::Record& kept) {
  auto trace = ReadCallTrace(kept.value);
  if (!trace) return DropUnreadable(store::Kind::kCallTrace, kept.key);
  const auto call = traces_.find(kept.key);
  if (call == traces_.end()) return core_.ports.store.Delete(store::Kind::kCallTrace, kept.key);
  call->second = std::move(*trace);
}

// What happens to a call may be its registration's business.
void Gateway::Restoration::ReadRegistrationsOfCalls() {
  std::vector<std::string> ids(with_calls_.begin(), with_calls_.end());
  with_calls_.clear();
  reader_.ReadKeys(
      store::Kind::kRegistration, std::move(ids), [this](store::Record& kept) { TakeRegistrationOfCall(kept); },
      [this] { RestoreCalls(); });
}

void Gateway::Restoration::TakeRegistrationOfCall(store::Record& kept) {
  auto record = Read(kept);
  if (!record) return;
  with_calls_.insert(kept.key);
  of_calls_.push_back(std::move(*record));
}

// All at once: calls that move have partners, and hear of each other's end, and what happens to a registration happens
// to its calls.
void Gateway::Restoration::RestoreCalls() {
  for (registration::RegistrationRecord& record : std::exchange(of_calls_, {})) {
    core_.registrations.Restore(std::move(record), core_.ReadForRegistration());
  }
  std::vector<call::CallId> alive;
  for (call::CallRecord& record : calls_) {
    const call::CallId id = record.id;
    const std::string snapshot = record.dialog_snapshot;
    // A POST that the client repeats because its answer was lost with the old process finds the call that it made.
    core_.RememberCorrelator(record.owner, record.client_correlator, id);
    core_.calls.Restore(std::move(record), core_.Read());
    if (auto& trace = traces_[id]) core_.traces.Restore(id, std::move(*trace));
    const call::Call* call = core_.calls.Find(id);
    if (!call || call->is_ended()) continue;
    core_.ports.sip.Restore(core_.calls.SignallingIdOf(id), snapshot);
    alive.push_back(id);
  }
  core_.Drain();
  core_.ports.media.Adopt(std::move(alive));
  std::exchange(calls_, {});
  std::exchange(traces_, {});
  core_.restored = Restored::kCalls;
  if (tell_) tell_(Restored::kCalls);
  const auto go_on = [this] { BringLinesUp(); };
  before_.lines ? before_.lines(go_on) : go_on();
}

void Gateway::Restoration::BringLinesUp() {
  for (const registration::RegistrationId& id : with_calls_) core_.TellOfLine(id, LineUp::kRestored);
  ReadAll(store::Kind::kRegistration, &Restoration::TakeRegistration, &Restoration::Finish);
}

// ---- registrations

void Gateway::Restoration::TakeRegistration(store::Record& kept) {
  // Its end since then may not have been written when this was read.
  if (with_calls_.contains(kept.key)) return;
  auto record = Read(kept);
  if (!record) return;
  core_.registrations.Restore(std::move(*record), core_.ReadForRegistration());
  core_.Drain();
  core_.TellOfLine(kept.key, LineUp::kRestored);
}

std::optional<registration::RegistrationRecord> Gateway::Restoration::Read(const store::Record& kept) {
  auto record = ReadRegistrationRecord(kept.value);
  if (!record) DropUnreadable(store::Kind::kRegistration, kept.key);
  return record;
}

void Gateway::Restoration::Finish() {
  core_.registrations.OnAllRestored(core_.ReadForRegistration());
  core_.restored = Restored::kAll;
  std::exchange(with_calls_, {});
  HearTokens();
  if (tell_) tell_(Restored::kAll);
}

void Gateway::Restoration::HearTokens() {
  for (size_t heard = 0; heard < store::SliceReader::kSlice && !tokens_.empty(); ++heard) {
    core_.RenewToken(tokens_.front().first, tokens_.front().second);
    tokens_.pop_front();
  }
  core_.Drain();
  if (!tokens_.empty()) reader_.Later([this] { HearTokens(); });
}

}  // namespace byon::gateway
