#include "controlplane/call/status_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string_view>

namespace byon::call {
namespace {

constexpr std::array kAll{Status::kInitial,          Status::kInProgress,   Status::kRinging, Status::kProceeding,
                          Status::kConnected,        Status::kTerminated,   Status::kHold,    Status::kResume,
                          Status::kSessionCancelled, Status::kDeclined,     Status::kFailed,  Status::kWaiting,
                          Status::kNoAnswer,         Status::kNotReachable, Status::kBusy};

// What one cell of the matrix below means.
Decision Meaning(char cell, Status from) {
  auto change = [](Status to) { return Decision{Verdict::kChange, to, to}; };
  switch (cell) {
    case '.': return {Verdict::kIgnore, from, from};
    case 'x': return {Verdict::kRefuse, from, from};
    case '=': return {Verdict::kRepeat, from, from};
    case 'P': return change(Status::kInProgress);
    case 'R': return change(Status::kRinging);
    case 'C': return change(Status::kConnected);
    case 'H': return change(Status::kHold);
    case 'T': return change(Status::kTerminated);
    case 'S': return change(Status::kSessionCancelled);
    case 'D': return change(Status::kDeclined);
    case 'F': return change(Status::kFailed);
    case 'N': return change(Status::kNoAnswer);
    case 'U': return change(Status::kNotReachable);
    case 'B': return change(Status::kBusy);
    case 'p': return {Verdict::kChange, from, Status::kProceeding};
    case 'w': return {Verdict::kChange, from, Status::kWaiting};
    case 'r': return {Verdict::kChange, Status::kConnected, Status::kResume};
    default: ADD_FAILURE() << cell; return {};
  }
}

// Columns: Initial InProgress Ringing Connected Hold. Ended calls follow a rule of their own.
struct Line {
  Trigger trigger;
  std::string_view originating;
  std::string_view terminating;
};
constexpr Line kMatrix[] = {
    {Trigger::kProvisional, "pp...", "....."},     {Trigger::kQueued, "ww...", "....."},
    {Trigger::kSessionProgress, "PPP..", "....."}, {Trigger::kAlerting, "RRR..", "....."},
    {Trigger::kAnswered, "CCC..", "....."},        {Trigger::kFinalBusy, "BBB..", "....."},
    {Trigger::kFinalDeclined, "DDD..", "....."},   {Trigger::kFinalNotReachable, "UUU..", "....."},
    {Trigger::kFinalNoAnswer, "NNN..", "....."},   {Trigger::kFinalCancelled, "SSS..", "....."},
    {Trigger::kFinalFailed, "FFF..", "....."},     {Trigger::kRemoteCancel, ".....", "SSSTT"},
    {Trigger::kRemoteBye, "SSSTT", "SSSTT"},       {Trigger::kRemoteHold, "...H.", "...H."},
    {Trigger::kRemoteResume, "....r", "....r"},    {Trigger::kRingTimeout, "NNN..", "NNN.."},
    {Trigger::kGatewayFailure, "FFFTT", "FFFTT"},  {Trigger::kPutInitial, "=xxxx", "=xxxx"},
    {Trigger::kPutInProgress, "===xx", "P=xxx"},   {Trigger::kPutRinging, "xx=xx", "RR=xx"},
    {Trigger::kPutProceeding, "xxxxx", "xxxxx"},   {Trigger::kPutConnected, "xxx=x", "CCC=x"},
    {Trigger::kPutTerminated, "xxxTT", "xxxTT"},   {Trigger::kPutHold, "xxxH=", "xxxH="},
    {Trigger::kPutResume, "xxxxr", "xxxxr"},       {Trigger::kPutSessionCancelled, "xxxxx", "xxxxx"},
    {Trigger::kPutDeclined, "xxxxx", "DDDxx"},     {Trigger::kPutFailed, "xxxxx", "xxxxx"},
    {Trigger::kPutWaiting, "xxxxx", "xxxxx"},      {Trigger::kPutNoAnswer, "xxxxx", "xxxxx"},
    {Trigger::kPutNotReachable, "xxxxx", "UUUxx"}, {Trigger::kPutBusy, "xxxxx", "BBBxx"},
    {Trigger::kDelete, "SSSTT", "DDDTT"},
};

TEST(StatusMachine, DecidesEveryPairOfLiveStatusAndTrigger) {
  static_assert(std::size(kMatrix) == kTriggerCount);
  constexpr Status kColumns[] = {Status::kInitial, Status::kInProgress, Status::kRinging, Status::kConnected,
                                 Status::kHold};
  for (const Line& line : kMatrix) {
    for (size_t i = 0; i < 5; ++i) {
      for (Role role : {Role::kOriginating, Role::kTerminating}) {
        char cell = (role == Role::kOriginating ? line.originating : line.terminating)[i];
        EXPECT_EQ(Decide(kColumns[i], role, line.trigger), Meaning(cell, kColumns[i]))
            << static_cast<int>(line.trigger) << " from " << ToString(kColumns[i]);
      }
    }
  }
}

TEST(StatusMachine, EndedCallsChangeNoMore) {
  for (Status from : kAll) {
    if (!IsTerminal(from)) continue;
    for (int t = 0; t < kTriggerCount; ++t) {
      auto trigger = static_cast<Trigger>(t);
      bool is_client = trigger >= Trigger::kPutInitial;
      bool is_same = trigger == TriggerOfPut(from) || trigger == Trigger::kDelete;
      Verdict expected = !is_client ? Verdict::kIgnore : is_same ? Verdict::kRepeat : Verdict::kRefuse;
      for (Role role : {Role::kOriginating, Role::kTerminating}) {
        EXPECT_EQ(Decide(from, role, trigger).verdict, expected) << ToString(from) << ' ' << t;
      }
    }
  }
}

TEST(StatusMachine, MapsFinalResponses) {
  const std::map<int, Trigger> expected{
      {404, Trigger::kFinalNotReachable}, {410, Trigger::kFinalNotReachable}, {480, Trigger::kFinalNotReachable},
      {484, Trigger::kFinalNotReachable}, {604, Trigger::kFinalNotReachable}, {408, Trigger::kFinalNoAnswer},
      {486, Trigger::kFinalBusy},         {600, Trigger::kFinalBusy},         {487, Trigger::kFinalCancelled},
      {603, Trigger::kFinalDeclined},     {608, Trigger::kFinalDeclined}};
  for (int code = 300; code < 700; ++code) {
    auto it = expected.find(code);
    EXPECT_EQ(TriggerOfFinal(code, 0), it == expected.end() ? Trigger::kFinalFailed : it->second) << code;
  }
  EXPECT_EQ(TriggerOfFinal(480, 19), Trigger::kFinalNoAnswer);
}

TEST(StatusMachine, MapsProvisionalResponses) {
  EXPECT_EQ(TriggerOfProvisional(180), Trigger::kAlerting);
  EXPECT_EQ(TriggerOfProvisional(181), Trigger::kProvisional);
  EXPECT_EQ(TriggerOfProvisional(182), Trigger::kQueued);
  EXPECT_EQ(TriggerOfProvisional(183), Trigger::kSessionProgress);
  EXPECT_EQ(TriggerOfProvisional(199), Trigger::kProvisional);
}

TEST(Status, NamesGoBothWays) {
  for (Status status : kAll) EXPECT_EQ(ParseStatus(ToString(status)), status);
  EXPECT_FALSE(ParseStatus("connected"));
  EXPECT_FALSE(ParseStatus("Proceding"));
  EXPECT_FALSE(ParseStatus(""));
}

}  // namespace
}  // namespace byon::call
