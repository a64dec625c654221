#include "controlplane/call/status_machine.h"

namespace byon::call {
namespace {

constexpr unsigned Bit(Status status) { return 1u << static_cast<unsigned>(status); }

constexpr unsigned kInitial = Bit(Status::kInitial);
constexpr unsigned kInProgress = Bit(Status::kInProgress);
constexpr unsigned kRinging = Bit(Status::kRinging);
constexpr unsigned kConnected = Bit(Status::kConnected);
constexpr unsigned kHold = Bit(Status::kHold);
constexpr unsigned kPreAnswer = kInitial | kInProgress | kRinging;
constexpr unsigned kAnswered = kConnected | kHold;

constexpr unsigned kMo = 1;  // originating
constexpr unsigned kMt = 2;  // terminating
constexpr unsigned kBoth = kMo | kMt;

// What a row leads to; kSame keeps the status and only reports.
constexpr Status kSame = static_cast<Status>(0xff);

struct Row {
  Trigger trigger;
  unsigned from;
  unsigned roles;
  Status to;
  Status reported;
};

constexpr Row Plain(Trigger trigger, unsigned from, unsigned roles, Status to) {
  return {trigger, from, roles, to, to};
}

// Every change there is. What is not here is ignored (network) or refused (client).
constexpr Row kRows[] = {
    {Trigger::kProvisional, kInitial | kInProgress, kMo, kSame, Status::kProceeding},
    {Trigger::kQueued, kInitial | kInProgress, kMo, kSame, Status::kWaiting},
    Plain(Trigger::kSessionProgress, kPreAnswer, kMo, Status::kInProgress),
    Plain(Trigger::kAlerting, kPreAnswer, kMo, Status::kRinging),
    Plain(Trigger::kAnswered, kPreAnswer, kMo, Status::kConnected),
    Plain(Trigger::kFinalBusy, kPreAnswer, kMo, Status::kBusy),
    Plain(Trigger::kFinalDeclined, kPreAnswer, kMo, Status::kDeclined),
    Plain(Trigger::kFinalNotReachable, kPreAnswer, kMo, Status::kNotReachable),
    Plain(Trigger::kFinalNoAnswer, kPreAnswer, kMo, Status::kNoAnswer),
    Plain(Trigger::kFinalCancelled, kPreAnswer, kMo, Status::kSessionCancelled),
    Plain(Trigger::kFinalFailed, kPreAnswer, kMo, Status::kFailed),
    Plain(Trigger::kRemoteCancel, kPreAnswer, kMt, Status::kSessionCancelled),
    Plain(Trigger::kRemoteCancel, kAnswered, kMt, Status::kTerminated),
    Plain(Trigger::kRemoteBye, kPreAnswer, kBoth, Status::kSessionCancelled),
    Plain(Trigger::kRemoteBye, kAnswered, kBoth, Status::kTerminated),
    Plain(Trigger::kRemoteHold, kConnected, kBoth, Status::kHold),
    {Trigger::kRemoteResume, kHold, kBoth, Status::kConnected, Status::kResume},

    Plain(Trigger::kRingTimeout, kPreAnswer, kBoth, Status::kNoAnswer),
    Plain(Trigger::kGatewayFailure, kPreAnswer, kBoth, Status::kFailed),
    Plain(Trigger::kGatewayFailure, kAnswered, kBoth, Status::kTerminated),

    Plain(Trigger::kPutInProgress, kInitial, kMt, Status::kInProgress),
    Plain(Trigger::kPutRinging, kInitial | kInProgress, kMt, Status::kRinging),
    Plain(Trigger::kPutConnected, kPreAnswer, kMt, Status::kConnected),
    Plain(Trigger::kPutDeclined, kPreAnswer, kMt, Status::kDeclined),
    Plain(Trigger::kPutBusy, kPreAnswer, kMt, Status::kBusy),
    Plain(Trigger::kPutNotReachable, kPreAnswer, kMt, Status::kNotReachable),
    Plain(Trigger::kPutHold, kConnected, kBoth, Status::kHold),
    {Trigger::kPutResume, kHold, kBoth, Status::kConnected, Status::kResume},
    Plain(Trigger::kPutTerminated, kAnswered, kBoth, Status::kTerminated),
    Plain(Trigger::kDelete, kPreAnswer, kMo, Status::kSessionCancelled),
    Plain(Trigger::kDelete, kPreAnswer, kMt, Status::kDeclined),
    Plain(Trigger::kDelete, kAnswered, kBoth, Status::kTerminated),
};

bool IsOfClient(Trigger trigger) { return trigger >= Trigger::kPutInitial; }

bool IsRepetition(Status from, Role role, Trigger trigger) {
  if (trigger == Trigger::kDelete) return IsTerminal(from);
  if (TriggerOfPut(from) == trigger) return true;
  // The guide on gathering lets a caller send its full SDP with PUT InProgress whatever came
  // before.
  return trigger == Trigger::kPutInProgress && role == Role::kOriginating && (Bit(from) & kPreAnswer);
}

}  // namespace

Decision Decide(Status from, Role role, Trigger trigger) {
  unsigned role_bit = role == Role::kOriginating ? kMo : kMt;
  for (const Row& row : kRows) {
    if (row.trigger != trigger || !(row.from & Bit(from)) || !(row.roles & role_bit)) continue;
    return {Verdict::kChange, row.to == kSame ? from : row.to, row.reported};
  }
  if (!IsOfClient(trigger)) return {Verdict::kIgnore, from, from};
  return {IsRepetition(from, role, trigger) ? Verdict::kRepeat : Verdict::kRefuse, from, from};
}

Trigger TriggerOfPut(Status status) {
  switch (status) {
    case Status::kInitial: return Trigger::kPutInitial;
    case Status::kInProgress: return Trigger::kPutInProgress;
    case Status::kRinging: return Trigger::kPutRinging;
    case Status::kProceeding: return Trigger::kPutProceeding;
    case Status::kConnected: return Trigger::kPutConnected;
    case Status::kTerminated: return Trigger::kPutTerminated;
    case Status::kHold: return Trigger::kPutHold;
    case Status::kResume: return Trigger::kPutResume;
    case Status::kSessionCancelled: return Trigger::kPutSessionCancelled;
    case Status::kDeclined: return Trigger::kPutDeclined;
    case Status::kFailed: return Trigger::kPutFailed;
    case Status::kWaiting: return Trigger::kPutWaiting;
    case Status::kNoAnswer: return Trigger::kPutNoAnswer;
    case Status::kNotReachable: return Trigger::kPutNotReachable;
    case Status::kBusy: return Trigger::kPutBusy;
  }
  return Trigger::kPutInitial;
}

Trigger TriggerOfProvisional(int status_code) {
  if (status_code == 180) return Trigger::kAlerting;
  if (status_code == 182) return Trigger::kQueued;
  if (status_code == 183) return Trigger::kSessionProgress;
  return Trigger::kProvisional;
}

Trigger TriggerOfFinal(int status_code, int q850_cause) {
  constexpr int kNoAnswerFromUser = 19;
  switch (status_code) {
    case 480: return q850_cause == kNoAnswerFromUser ? Trigger::kFinalNoAnswer : Trigger::kFinalNotReachable;
    case 404:
    case 410:
    case 484:
    case 604: return Trigger::kFinalNotReachable;
    case 408: return Trigger::kFinalNoAnswer;
    case 486:
    case 600: return Trigger::kFinalBusy;
    case 487: return Trigger::kFinalCancelled;
    case 603:
    case 608: return Trigger::kFinalDeclined;
    default: return Trigger::kFinalFailed;
  }
}

bool IsAnswered(Status status) { return status == Status::kConnected || status == Status::kHold; }

}  // namespace byon::call
