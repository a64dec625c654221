#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/load/call_plan.h"
#include "tools/load/media_engine.h"
#include "tools/load/media_node.h"
#include "tools/load/run_result.h"

namespace byon::load {

// One run of a profile against a node: ramps up, waits until all is quiet, measures, ends all
// calls. One thread.
class LoadRun {
 public:
  enum class Phase : uint8_t { kRamp, kSettle, kMeasure, kEnd };
  using OnSecond = std::function<void(Phase, const RunResult&)>;

  // `name` is part of the session ids, so that runs of one process do not meet.
  LoadRun(const Profile& profile, MediaNode& node, std::string name, std::vector<pid_t> pids, OnSecond on_second);
  ~LoadRun();

  // Until the end, or until `is_interrupted`: then all calls are ended at once.
  RunResult Run(const std::atomic<bool>& is_interrupted);

 private:
  struct Call {
    std::string session_id;
    size_t codec = 0;
    base::Timestamp asked, created, ice, keys;
    std::optional<base::Timestamp> ends;  // by its length
    bool is_connected = false;
    bool is_ending = false;
    std::optional<CallFigures> last_figures;
    SideCounts browser, phone;
  };

  // Runs a function on this thread soon; any thread.
  void Post(std::function<void()> task);
  void Turn();
  void StartCall();
  void OnCreated(uint64_t id, const std::string& problem);  // none: created
  void OnNews(const CallNews& news);
  void Fail(uint64_t id, const std::string& reason);
  void EndWhatIsOver(base::Timestamp now);
  void EndCall(uint64_t id);
  void CloseCall(uint64_t id);
  void OnClosed(uint64_t id, const base::Result<CallFigures, std::string>& figures);
  void ChangePhase(base::Timestamp now);
  void BeginMeasure(base::Timestamp now);
  void FinishMeasure(base::Timestamp now);
  void EverySecond(base::Timestamp now);
  std::optional<base::TimeDelta> MeasuredFor(base::Timestamp now) const;

  const Profile& profile_;
  MediaNode& node_;
  std::string name_;
  OnSecond on_second_;
  MediaEngine engine_;
  CallPlan plan_;
  EncodedSpeech browser_speech_;
  std::vector<std::unique_ptr<EncodedSpeech>> phone_speech_;  // of each codec
  ProcessWatch processes_, processes_of_second_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> tasks_;

  std::map<uint64_t, Call> calls_;
  uint64_t next_id_ = 1;
  size_t pending_ = 0;    // asked for, without keys yet
  size_t connected_ = 0;  // now
  Phase phase_ = Phase::kRamp;
  base::Timestamp start_, phase_start_, next_second_;
  std::optional<base::Timestamp> ramp_done_;
  std::optional<std::vector<WorkerUse>> workers_at_measure_, workers_of_second_;
  EngineReport report_at_measure_, report_of_second_;
  NodeEvents events_before_;
  base::Timestamp last_second_;
  uint64_t connected_before_ = 0;  // at the last second
  RunResult result_;
};

}  // namespace byon::load
