#include "dataplane/ice/ice_lite_agent.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "dataplane/stun/stun_message_builder.h"

namespace byon::ice {
namespace {

using base::TimeDelta;
using base::Timestamp;
using net::SocketAddress;
using stun::AttributeType;

const IceCredentials kLocal{"gw01", "gateway-password-0000001"};
const IceCredentials kLocalAfterRestart{"gw02", "gateway-password-0000002"};
const IceCredentials kRemote{"brws", "browser-password-0000001"};
const IceCredentials kRemoteAfterRestart{"brw2", "browser-password-0000002"};
constexpr uint32_t kHostPriority = 2122260223;
constexpr uint32_t kRelayPriority = 41885439;

SocketAddress Address(uint16_t port) { return {net::IpAddress::V4(198, 51, 100, 7), port}; }
const SocketAddress kHome = Address(50'000);
const SocketAddress kElsewhere = Address(60'000);

// A connectivity check as a browser makes it; a test changes what it is about.
struct Check {
  std::string username = kLocal.ufrag + ":" + kRemote.ufrag;
  std::string password = kLocal.pwd;
  stun::MessageClass message_class = stun::MessageClass::kRequest;
  uint16_t method = stun::kBindingMethod;
  bool use_candidate = false;
  bool has_username = true;
  bool has_priority = true;
  bool has_integrity = true;
  bool has_fingerprint = true;
  bool is_controlled = false;
  uint32_t priority = kHostPriority;
  int unknown_attributes = 0;
  static inline uint32_t transactions = 0;
  uint32_t transaction = ++transactions;

  std::vector<std::byte> Build() const {
    std::array<std::byte, 600> buffer;
    stun::TransactionId id;
    id.fill(std::byte{0x5a});
    std::memcpy(&id[4], &transaction, sizeof transaction);
    stun::StunMessageBuilder builder(buffer, message_class, method, id);
    if (has_username) builder.AddUsername(username);
    for (int i = 0; i < unknown_attributes; ++i) {
      builder.AddAttribute(static_cast<AttributeType>(0x7000 + i), {});
    }
    if (is_controlled) {
      builder.AddIceControlled(42);
    } else {
      builder.AddIceControlling(42);
    }
    if (use_candidate) builder.AddUseCandidate();
    if (has_priority) builder.AddPriority(priority);
    if (has_integrity) {
      builder.AddMessageIntegrity(stun::IntegrityKey(base::AsBytes(password)));
    }
    if (has_fingerprint) builder.AddFingerprint();
    const auto bytes = builder.Finish();
    return {bytes->begin(), bytes->end()};
  }
};

class IceLiteAgentTest : public testing::Test {
 protected:
  std::optional<DropReason> Give(const Check& check, const SocketAddress& from = kHome) {
    request_ = check.Build();
    return agent_.HandleDatagram(request_, from, now_);
  }
  std::optional<DropReason> Nominate(const SocketAddress& from, uint32_t priority = kHostPriority) {
    Check check;
    check.use_candidate = true;
    check.priority = priority;
    return Give(check, from);
  }
  // The error code of the answer; 0 for success, -1 when nothing is to be sent.
  int AnswerCode(const SocketAddress& to = kHome, std::string_view password = kLocal.pwd) {
    const auto datagram = agent_.PollDatagram();
    if (!datagram) return -1;
    EXPECT_EQ(datagram->to, to);
    EXPECT_LT(datagram->bytes.size(), request_.size()) << "an answer must not amplify";
    const auto view = stun::StunMessageView::Parse(datagram->bytes);
    EXPECT_TRUE(view.ok());
    EXPECT_TRUE(view->VerifyIntegrity(stun::IntegrityKey(base::AsBytes(password))));
    EXPECT_TRUE(view->VerifyFingerprint());
    EXPECT_EQ(view->transaction_id()[0], std::byte{0x5a});
    if (view->message_class() == stun::MessageClass::kError) {
      return view->error_code().value_or(0xffff);
    }
    EXPECT_EQ(view->message_class(), stun::MessageClass::kSuccess);
    EXPECT_EQ(view->xor_mapped_address(), to);
    return 0;
  }
  template <typename Event>
  bool NextEventIs() {
    const auto event = agent_.PollEvent();
    return event && std::holds_alternative<Event>(*event);
  }
  void ExpectSilence(std::optional<DropReason> actual, DropReason expected) {
    EXPECT_EQ(actual, expected);
    EXPECT_FALSE(agent_.PollDatagram());
    EXPECT_FALSE(agent_.PollEvent());
    EXPECT_FALSE(agent_.IsVerified(kHome));
    EXPECT_EQ(agent_.remote_candidate_count(), 0u);
  }
  void Connect() {
    agent_.SetRemoteCredentials(kRemote, now_);
    EXPECT_EQ(Nominate(kHome), std::nullopt);
    EXPECT_EQ(AnswerCode(), 0);
    EXPECT_TRUE(NextEventIs<IceConnected>());
  }

  IceLiteAgent agent_{IceLiteAgent::Config(), kLocal};
  Timestamp now_ = Timestamp::FromMilliseconds(1'000'000);
  std::vector<std::byte> request_;
};

TEST_F(IceLiteAgentTest, AnswersACheckThatComesBeforeTheRemoteCredentials) {
  EXPECT_FALSE(agent_.IsVerified(kHome));
  EXPECT_EQ(Give(Check()), std::nullopt);
  EXPECT_EQ(AnswerCode(), 0);
  EXPECT_TRUE(agent_.IsVerified(kHome));
  EXPECT_FALSE(agent_.IsVerified(kElsewhere));
  EXPECT_FALSE(agent_.selected_remote());
  EXPECT_FALSE(agent_.PollEvent());
}

TEST_F(IceLiteAgentTest, AnswersOverIpv6) {
  const SocketAddress v6 = *SocketAddress::Parse("[2001:db8::9]:4000");
  EXPECT_EQ(Give(Check(), v6), std::nullopt);
  EXPECT_EQ(AnswerCode(v6), 0);
}

TEST_F(IceLiteAgentTest, NominationSelectsThePair) {
  agent_.SetRemoteCredentials(kRemote, now_);
  EXPECT_EQ(Nominate(kHome), std::nullopt);
  const auto event = agent_.PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<IceConnected>(*event).remote, kHome);
  EXPECT_EQ(agent_.selected_remote(), kHome);
  // Repeated on every check by a browser: one event only.
  EXPECT_EQ(Nominate(kHome), std::nullopt);
  EXPECT_FALSE(agent_.PollEvent());
}

TEST_F(IceLiteAgentTest, CheckWithoutNominationDoesNotSwitch) {
  Connect();
  EXPECT_EQ(Give(Check(), kElsewhere), std::nullopt);
  EXPECT_EQ(AnswerCode(kElsewhere), 0);
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_FALSE(agent_.PollEvent());
}

TEST_F(IceLiteAgentTest, RebindingSwitchesOnNomination) {
  Connect();
  EXPECT_EQ(Nominate(kElsewhere), std::nullopt);
  EXPECT_EQ(agent_.selected_remote(), kElsewhere);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
}

TEST_F(IceLiteAgentTest, ACheckSentOnFromElsewhereIsRefused) {
  Connect();
  Check heard;
  heard.use_candidate = true;
  EXPECT_EQ(Give(heard), std::nullopt);
  EXPECT_EQ(AnswerCode(), 0);
  EXPECT_EQ(Give(heard, kElsewhere), DropReason::kReplayedCheck);
  EXPECT_FALSE(agent_.PollDatagram());
  EXPECT_FALSE(agent_.IsVerified(kElsewhere));
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_EQ(Give(heard), std::nullopt) << "what the peer itself repeats is answered";
  EXPECT_EQ(AnswerCode(), 0);
}

TEST_F(IceLiteAgentTest, ANewPairWithoutMediaIsLeftWhileTheOldOneLives) {
  Connect();
  EXPECT_EQ(Nominate(kElsewhere), std::nullopt);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
  EXPECT_EQ(agent_.NextDeadline(), now_ + kTrialOfNewPair);
  now_ += TimeDelta::Seconds(2);
  EXPECT_EQ(Give(Check()), std::nullopt);
  now_ += TimeDelta::Seconds(8);
  agent_.HandleTimeout(now_);
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
  EXPECT_EQ(agent_.NextDeadline(), now_ - TimeDelta::Seconds(8) + kConsentTimeout);
}

TEST_F(IceLiteAgentTest, ANewPairWithMediaOrWithoutAnotherStays) {
  Connect();
  EXPECT_EQ(Nominate(kElsewhere), std::nullopt);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
  now_ += kTrialOfNewPair;
  agent_.HandleTimeout(now_);
  EXPECT_EQ(agent_.selected_remote(), kElsewhere) << "the address before is silent: the peer did move";
  EXPECT_EQ(Nominate(Address(61'000)), std::nullopt);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
  EXPECT_EQ(Give(Check(), kElsewhere), std::nullopt);
  agent_.OnAuthenticatedMedia(now_);
  now_ += kTrialOfNewPair;
  agent_.HandleTimeout(now_);
  EXPECT_EQ(agent_.selected_remote(), Address(61'000));
  EXPECT_FALSE(agent_.PollEvent());
}

TEST_F(IceLiteAgentTest, ForgedNominationDoesNotSwitch) {
  Connect();
  Check forged;
  forged.use_candidate = true;
  forged.password = "not-the-password-at-all";
  EXPECT_EQ(Give(forged, kElsewhere), DropReason::kBadIntegrity);
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_FALSE(agent_.PollDatagram());
  EXPECT_FALSE(agent_.IsVerified(kElsewhere));
}

TEST_F(IceLiteAgentTest, AggressiveNominationEndsOnTheHighestPriority) {
  // RFC 5245 section 8.1.1.2: USE-CANDIDATE on every check of every pair, in turn.
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(Nominate(kElsewhere, kRelayPriority), std::nullopt);
    EXPECT_EQ(Nominate(kHome, kHostPriority), std::nullopt);
  }
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_TRUE(NextEventIs<IceConnected>());
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
  EXPECT_FALSE(agent_.PollEvent()) << "the pair must not flap";
}

TEST_F(IceLiteAgentTest, PeerThatMovesToALowerPriorityIsFollowed) {
  Connect();
  EXPECT_EQ(Nominate(kElsewhere, kRelayPriority), std::nullopt);
  EXPECT_EQ(agent_.selected_remote(), kHome);
  EXPECT_EQ(Nominate(kElsewhere, kRelayPriority), std::nullopt);
  EXPECT_EQ(agent_.selected_remote(), kElsewhere);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
}

TEST_F(IceLiteAgentTest, ControlledPeerIsToldOfTheRoleConflict) {
  Check check;
  check.is_controlled = true;
  check.use_candidate = true;
  EXPECT_EQ(Give(check), std::nullopt);
  EXPECT_EQ(AnswerCode(), 487);
  EXPECT_FALSE(agent_.selected_remote());
  EXPECT_FALSE(agent_.IsVerified(kHome));
}

TEST_F(IceLiteAgentTest, UnknownRequiredAttributeGets420WithItsList) {
  Check check;
  check.unknown_attributes = 30;
  EXPECT_EQ(Give(check), std::nullopt);
  const auto datagram = agent_.PollDatagram();
  ASSERT_TRUE(datagram);
  EXPECT_LT(datagram->bytes.size(), request_.size());
  const auto view = stun::StunMessageView::Parse(datagram->bytes);
  EXPECT_EQ(view->error_code(), 420);
  EXPECT_EQ(view->Find(AttributeType::kUnknownAttributes)->size(), 16u);
  EXPECT_FALSE(agent_.IsVerified(kHome));
}

TEST_F(IceLiteAgentTest, OneUnknownAttributeDoesNotAmplifyEither) {
  Check check;
  check.unknown_attributes = 1;
  EXPECT_EQ(Give(check), std::nullopt);
  EXPECT_EQ(AnswerCode(), 420);
}

TEST_F(IceLiteAgentTest, MissingPriorityGets400) {
  Check check;
  check.has_priority = false;
  EXPECT_EQ(Give(check), std::nullopt);
  EXPECT_EQ(AnswerCode(), 400);
}

TEST_F(IceLiteAgentTest, MissingFingerprintIsForgiven) {
  Check check;
  check.has_fingerprint = false;
  EXPECT_EQ(Give(check), std::nullopt);
  EXPECT_EQ(AnswerCode(), 0);
}

TEST_F(IceLiteAgentTest, UnauthenticatedDatagramsGetNoByte) {
  agent_.SetRemoteCredentials(kRemote, now_);
  const std::array<std::byte, 3> junk{};
  ExpectSilence(agent_.HandleDatagram(junk, kHome, now_), DropReason::kMalformedStun);

  auto bad_fingerprint = Check().Build();
  bad_fingerprint.back() ^= std::byte{1};
  ExpectSilence(agent_.HandleDatagram(bad_fingerprint, kHome, now_), DropReason::kBadFingerprint);

  Check check;
  check.message_class = stun::MessageClass::kSuccess;
  ExpectSilence(Give(check), DropReason::kNotBindingRequest);
  check.message_class = stun::MessageClass::kIndication;
  ExpectSilence(Give(check), DropReason::kNotBindingRequest);
  check = Check();
  check.method = 3;  // TURN Allocate
  ExpectSilence(Give(check), DropReason::kNotBindingRequest);

  check = Check();
  check.has_username = false;
  ExpectSilence(Give(check), DropReason::kMissingUsername);
  for (const char* username :
       {"", ":", "gw01", "gw01brws", "gw0:brws", "gw011:brws", "gw01:other", "brws:gw01", "gw01:"}) {
    check = Check();
    check.username = username;
    ExpectSilence(Give(check), DropReason::kUnknownUsername);
  }
  check = Check();
  check.has_integrity = false;
  ExpectSilence(Give(check), DropReason::kMissingIntegrity);
  check = Check();
  check.password = kRemote.pwd;
  ExpectSilence(Give(check), DropReason::kBadIntegrity);
}

TEST_F(IceLiteAgentTest, AtMostSixteenRemoteCandidates) {
  Connect();
  for (uint16_t i = 1; i < kMaxRemoteCandidates; ++i) {
    EXPECT_EQ(Give(Check(), Address(i)), std::nullopt);
  }
  EXPECT_EQ(agent_.remote_candidate_count(), kMaxRemoteCandidates);
  Check check;
  check.use_candidate = true;
  EXPECT_EQ(Give(check, Address(1000)), DropReason::kTooManyRemoteCandidates);
  EXPECT_FALSE(agent_.PollDatagram());
  EXPECT_EQ(agent_.selected_remote(), kHome);
}

TEST_F(IceLiteAgentTest, LongSilentCandidateMakesRoom) {
  Connect();
  for (uint16_t i = 1; i < kMaxRemoteCandidates; ++i) (void)Give(Check(), Address(i));
  now_ += TimeDelta::Seconds(31);
  EXPECT_EQ(Give(Check(), Address(1000)), std::nullopt);
  EXPECT_TRUE(agent_.IsVerified(Address(1000)));
  EXPECT_FALSE(agent_.IsVerified(Address(1)));
  EXPECT_TRUE(agent_.IsVerified(kHome)) << "the selected one is never evicted";
}

TEST_F(IceLiteAgentTest, ConsentIsLostAfter30SecondsOfSilence) {
  Connect();
  EXPECT_EQ(agent_.NextDeadline(), now_ + kConsentTimeout);
  agent_.HandleTimeout(now_ + kConsentTimeout - TimeDelta::Milliseconds(1));
  EXPECT_FALSE(agent_.PollEvent());
  now_ += kConsentTimeout;
  agent_.HandleTimeout(now_);
  EXPECT_TRUE(NextEventIs<ConsentLost>());
  EXPECT_FALSE(agent_.selected_remote());
  EXPECT_FALSE(agent_.IsVerified(kHome));
  EXPECT_TRUE(agent_.NextDeadline().is_infinite());
  // RFC 7675 section 5.1: the same credentials are dead on this 5-tuple.
  EXPECT_EQ(Nominate(kHome), DropReason::kConsentExpired);
  EXPECT_FALSE(agent_.PollDatagram());
}

TEST_F(IceLiteAgentTest, ChecksOnTheSelectedPairRenewConsent) {
  Connect();
  for (int i = 0; i < 3'600; ++i) {
    now_ += TimeDelta::Milliseconds(2'500);
    agent_.HandleTimeout(now_);
    EXPECT_EQ(Nominate(kHome), std::nullopt);
  }
  EXPECT_FALSE(agent_.PollEvent());
}

TEST_F(IceLiteAgentTest, ChecksFromElsewhereDoNotRenewConsent) {
  Connect();
  now_ += TimeDelta::Seconds(29);
  EXPECT_EQ(Give(Check(), kElsewhere), std::nullopt);
  now_ += TimeDelta::Seconds(1);
  agent_.HandleTimeout(now_);
  EXPECT_TRUE(NextEventIs<ConsentLost>());
  // Another 5-tuple may still be nominated.
  EXPECT_EQ(Nominate(kElsewhere), std::nullopt);
  EXPECT_TRUE(NextEventIs<IceConnected>());
}

TEST_F(IceLiteAgentTest, AuthenticatedMediaRenewsConsent) {
  Connect();
  now_ += TimeDelta::Seconds(29);
  agent_.OnAuthenticatedMedia(now_);
  agent_.HandleTimeout(now_ + TimeDelta::Seconds(29));
  EXPECT_FALSE(agent_.PollEvent());
  agent_.HandleTimeout(now_ + TimeDelta::Seconds(30));
  EXPECT_TRUE(NextEventIs<ConsentLost>());
}

TEST_F(IceLiteAgentTest, MediaBeforeSelectionGivesNoConsent) {
  agent_.OnAuthenticatedMedia(now_);
  EXPECT_TRUE(agent_.NextDeadline().is_infinite());
}

TEST_F(IceLiteAgentTest, NoNominationInTimeIsReportedOnce) {
  agent_.SetRemoteCredentials(kRemote, now_);
  EXPECT_EQ(agent_.NextDeadline(), now_ + TimeDelta::Seconds(30));
  EXPECT_EQ(Give(Check()), std::nullopt);
  now_ += TimeDelta::Seconds(30);
  agent_.HandleTimeout(now_);
  EXPECT_TRUE(NextEventIs<ConnectTimeout>());
  agent_.HandleTimeout(now_ + TimeDelta::Seconds(60));
  EXPECT_FALSE(agent_.PollEvent());
}

class IceRestartTest : public IceLiteAgentTest {
 protected:
  void SetUp() override {
    Connect();
    agent_.RestartIce(kLocalAfterRestart, now_);
    fresh_.username = kLocalAfterRestart.ufrag + ":" + kRemoteAfterRestart.ufrag;
    fresh_.password = kLocalAfterRestart.pwd;
  }
  Check fresh_;
};

TEST_F(IceRestartTest, OldCredentialsHoldUntilTheNewOnesAreUsed) {
  EXPECT_EQ(agent_.local_ufrag(), kLocalAfterRestart.ufrag);
  EXPECT_EQ(Give(Check()), std::nullopt);
  EXPECT_EQ(AnswerCode(), 0);
  EXPECT_EQ(agent_.selected_remote(), kHome);

  EXPECT_EQ(Give(fresh_), std::nullopt);
  EXPECT_EQ(AnswerCode(kHome, kLocalAfterRestart.pwd), 0);
  EXPECT_EQ(Give(Check()), DropReason::kUnknownUsername);
  EXPECT_EQ(agent_.selected_remote(), kHome) << "media goes on until the new nomination";
}

TEST_F(IceRestartTest, NewNominationWinsWhateverItsPriority) {
  fresh_.use_candidate = true;
  fresh_.priority = kRelayPriority;
  EXPECT_EQ(Give(fresh_, kElsewhere), std::nullopt);
  EXPECT_EQ(agent_.selected_remote(), kElsewhere);
  EXPECT_TRUE(NextEventIs<SelectedPairChanged>());
}

TEST_F(IceRestartTest, RemoteCredentialsBindTheNewGenerationOnly) {
  agent_.SetRemoteCredentials(kRemoteAfterRestart, now_);
  EXPECT_EQ(Give(Check()), std::nullopt) << "old generation, old remote";
  fresh_.username = kLocalAfterRestart.ufrag + ":" + kRemote.ufrag;
  EXPECT_EQ(Give(fresh_), DropReason::kUnknownUsername);
  fresh_.username = kLocalAfterRestart.ufrag + ":" + kRemoteAfterRestart.ufrag;
  EXPECT_EQ(Give(fresh_), std::nullopt);
}

TEST_F(IceRestartTest, RestartThatWasNeverTakenUpIsReplaced) {
  agent_.RestartIce({"gw03", "gateway-password-0000003"}, now_);
  EXPECT_EQ(Give(fresh_), DropReason::kUnknownUsername);
  EXPECT_EQ(Give(Check()), std::nullopt) << "the generation in use is still the first";
  fresh_.username = "gw03:brw2";
  fresh_.password = "gateway-password-0000003";
  EXPECT_EQ(Give(fresh_), std::nullopt);
}

TEST_F(IceRestartTest, RestartRevivesATupleThatLostConsent) {
  now_ += kConsentTimeout;
  agent_.HandleTimeout(now_);
  EXPECT_TRUE(NextEventIs<ConsentLost>());
  EXPECT_EQ(Nominate(kHome), DropReason::kConsentExpired);
  fresh_.use_candidate = true;
  EXPECT_EQ(Give(fresh_), std::nullopt);
  EXPECT_TRUE(NextEventIs<IceConnected>());
  EXPECT_TRUE(agent_.IsVerified(kHome));
}

TEST_F(IceLiteAgentTest, MovedAgentStillOwnsItsAnswer) {
  EXPECT_EQ(Give(Check()), std::nullopt);
  IceLiteAgent moved = std::move(agent_);
  const auto datagram = moved.PollDatagram();
  ASSERT_TRUE(datagram);
  EXPECT_TRUE(stun::StunMessageView::Parse(datagram->bytes).ok());
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(DropReasonName(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("ice_unknown"));
}

}  // namespace
}  // namespace byon::ice
