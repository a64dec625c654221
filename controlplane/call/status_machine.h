#pragma once

#include <cstdint>

#include "controlplane/call/status.h"

// The life of a CAMARA call as one table: which status follows from which event. CAMARA names the
// statuses and the SIP codes only; what may follow what is decided here, once.
namespace byon::call {

enum class Role : uint8_t { kOriginating, kTerminating };

enum class Trigger : uint8_t {
  // From the network.
  kProvisional,      // 181, 199 and other 1xx
  kQueued,           // 182
  kSessionProgress,  // 183
  kAlerting,         // 180
  kAnswered,         // 200
  kFinalBusy,        // final responses, see TriggerOfFinal
  kFinalDeclined,
  kFinalNotReachable,
  kFinalNoAnswer,
  kFinalCancelled,
  kFinalFailed,
  kRemoteCancel,
  kRemoteBye,
  kRemoteHold,
  kRemoteResume,
  // From the gateway itself.
  kRingTimeout,
  kGatewayFailure,  // media, limits, registration policy
  // From the client: PUT of each status, and DELETE.
  kPutInitial,
  kPutInProgress,
  kPutRinging,
  kPutProceeding,
  kPutConnected,
  kPutTerminated,
  kPutHold,
  kPutResume,
  kPutSessionCancelled,
  kPutDeclined,
  kPutFailed,
  kPutWaiting,
  kPutNoAnswer,
  kPutNotReachable,
  kPutBusy,
  kDelete,
};
inline constexpr int kTriggerCount = static_cast<int>(Trigger::kDelete) + 1;

enum class Verdict : uint8_t {
  kChange,  // the status becomes `to`, the device is told `reported`
  kRepeat,  // nothing changes; asking again is no error
  kIgnore,  // comes too late or makes no sense here
  kRefuse,  // the client may not ask for this now: INCOMPATIBLE_STATE
};

struct Decision {
  Verdict verdict = Verdict::kIgnore;
  Status to = Status::kInitial;
  // Differs from `to` where a status is only passed through: Proceeding, Waiting, Resume.
  Status reported = Status::kInitial;
  bool operator==(const Decision&) const = default;
};

Decision Decide(Status from, Role role, Trigger trigger);

Trigger TriggerOfPut(Status status);
// Of a provisional response from 101 to 199.
Trigger TriggerOfProvisional(int status_code);
// Of a final response from 300; `q850_cause` 19 says that nobody answered (Q.850 section 2.2.5).
Trigger TriggerOfFinal(int status_code, int q850_cause);
bool IsAnswered(Status status);

}  // namespace byon::call
