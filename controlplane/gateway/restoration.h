#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controlplane/call/call_record.h"
#include "controlplane/gateway/core.h"
#include "controlplane/store/store.h"

namespace byon::gateway {

// Takes up what an earlier process left in the store, a little at a time: whatever else comes to the strand is dealt
// with in between. First the calls with the registrations that have one, then all others; Core::restored tells how far
// it has come.
class Gateway::Restoration {
 public:
  // `tell` is called after each phase; the core outlives this.
  Restoration(Core& core, std::function<void(Restored)> tell) : core_(core), tell_(std::move(tell)) {}

  void Start();
  // Service ends: who has not been read yet stays in the store.
  void Stop() { is_over_ = true; }
  // A fresh token while its registration may not have been read yet; heard when all have been.
  void RememberToken(Principal who, DeviceKey device);

 private:
  using Take = void (Restoration::*)(store::Record&);
  using Then = void (Restoration::*)();
  using Records = std::shared_ptr<std::vector<store::Record>>;
  // A page that is being read while the one before is taken.
  struct Coming {
    std::optional<store::Store::Page> page;
    std::function<void(store::Store::Page)> use;  // whoever waits for it already
  };
  std::shared_ptr<Coming> Fetch(store::Kind kind, std::string after);
  void ReadAll(store::Kind kind, Take take, Then then) { TakePage(kind, Fetch(kind, ""), take, then); }
  void TakePage(store::Kind kind, const std::shared_ptr<Coming>& coming, Take take, Then then);
  void TakeSome(const Records& records, size_t first, Take take, std::function<void()> then);
  void TakeCall(store::Record& kept);
  void ReadTraces() {
    ReadAll(store::Kind::kCallTrace, &Restoration::TakeTrace, &Restoration::ReadRegistrationsOfCalls);
  }
  void TakeTrace(store::Record& kept);
  void ReadRegistrationsOfCalls();
  void TakeRegistrationOfCall(store::Record& kept);
  void RestoreCalls();
  void TakeRegistration(store::Record& kept);
  std::optional<registration::RegistrationRecord> Read(const store::Record& kept);
  void HearTokens();
  void Finish();
  void DropUnreadable(store::Kind kind, const std::string& key);
  // Runs it on the strand, unless it is too late by then; from any thread.
  std::function<void(std::function<void()>)> ToStrand();

  Core& core_;
  const std::function<void(Restored)> tell_;
  bool is_over_ = false;
  std::vector<call::CallRecord> calls_;
  std::vector<registration::RegistrationRecord> of_calls_;             // the registrations of these
  std::unordered_map<call::CallId, std::optional<CallTrace>> traces_;  // of these calls
  std::unordered_set<registration::RegistrationId> with_calls_;        // restored before the others
  std::deque<std::pair<Principal, DeviceKey>> tokens_;
};

}  // namespace byon::gateway
