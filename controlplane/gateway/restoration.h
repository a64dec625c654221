#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controlplane/call/call_record.h"
#include "controlplane/gateway/core.h"
#include "controlplane/store/slice_reader.h"

namespace byon::gateway {

// Takes up what an earlier process left in the store, a little at a time: whatever else comes to the strand is dealt
// with in between. First the calls with the registrations that have one, then all others; Core::restored tells how far
// it has come.
class Gateway::Restoration {
 public:
  // `tell` is called after each phase; the core outlives this.
  Restoration(Core& core, std::function<void(Restored)> tell, RestoreBefore before)
      : core_(core), tell_(std::move(tell)), before_(std::move(before)), reader_(core.ports.store, core.ports.post) {}

  void Start();
  // Service ends: who has not been read yet stays in the store.
  void Stop() { reader_.Stop(); }
  // A fresh token while its registration may not have been read yet; heard when all have been.
  void RememberToken(Principal who, DeviceKey device);

 private:
  using Take = void (Restoration::*)(store::Record&);
  using Then = void (Restoration::*)();
  void ReadAll(store::Kind kind, Take take, Then then) {
    reader_.ReadAll(
        kind, [this, take](store::Record& kept) { (this->*take)(kept); }, [this, then] { (this->*then)(); });
  }
  void TakeCall(store::Record& kept);
  void ReadTraces() {
    ReadAll(store::Kind::kCallTrace, &Restoration::TakeTrace, &Restoration::ReadRegistrationsOfCalls);
  }
  void TakeTrace(store::Record& kept);
  void ReadRegistrationsOfCalls();
  void TakeRegistrationOfCall(store::Record& kept);
  void RestoreCalls();
  void BringLinesUp();
  void TakeRegistration(store::Record& kept);
  std::optional<registration::RegistrationRecord> Read(const store::Record& kept);
  void HearTokens();
  void Finish();
  void DropUnreadable(store::Kind kind, const std::string& key);

  Core& core_;
  const std::function<void(Restored)> tell_;
  const RestoreBefore before_;
  store::SliceReader reader_;
  std::vector<call::CallRecord> calls_;
  std::vector<registration::RegistrationRecord> of_calls_;             // the registrations of these
  std::unordered_map<call::CallId, std::optional<CallTrace>> traces_;  // of these calls
  std::unordered_set<registration::RegistrationId> with_calls_;        // restored before the others
  std::deque<std::pair<Principal, DeviceKey>> tokens_;
};

}  // namespace byon::gateway
