#include "tests/controlplane/sip/incoming_call_fixture.h"

namespace byon::sip::test {
namespace {

class CallerIdentityFlowTest : public IncomingCallFlowTest {
 protected:
  // Who is shown for an INVITE with this From and these identities.
  call::Party CallerOf(const std::string& from, const std::string& identities) {
    PeerRequest invite = Invite();
    const size_t at = invite.headers.find("P-Asserted-Identity");
    invite.headers.replace(at, invite.headers.find("P-Called") - at, identities);
    invite.from = from + ";tag=caller";
    const size_t before = recorder_.Count("incoming");
    SendToStack(invite);
    recorder_.Expect("incoming", before + 1);
    stack_->signaling().Reject("in-1", 486, {});
    peer_.ExpectStatus(486, "INVITE");
    Settle();
    return recorder_.incoming->caller;
  }
  static constexpr const char* kBob = "<sip:+34600000003@ims.test>";
};

TEST_F(CallerIdentityFlowTest, WhoIsAssertedAndWhoOnlySaysSo) {  // Covers: C8
  Begin();
  EXPECT_TRUE(CallerOf(kBob, "P-Asserted-Identity: <tel:+34600000003>\r\n").assurance.is_asserted);
  const call::Party stranger = CallerOf("\"Bank\" <sip:+34600000009@evil.example>", "");
  EXPECT_EQ(stranger.uri, "sip:+34600000009@evil.example");
  EXPECT_FALSE(stranger.assurance.is_asserted);
}

TEST_F(CallerIdentityFlowTest, WhatTheNetworkHasChecked) {  // Covers: C35
  using enum call::NumberCheck;
  config_.believes_verstat = true;
  Begin();
  const call::Party passed =
      CallerOf(kBob, "P-Asserted-Identity: <sip:+34600000003;verstat=TN-Validation-Passed@ims.test;user=phone>\r\n");
  EXPECT_EQ(passed.uri, "sip:+34600000003@ims.test;user=phone");
  EXPECT_EQ(passed.assurance, (call::Assurance{true, kPassed}));
  const auto check_of = [this](const std::string& from, const std::string& identities) {
    return CallerOf(from, identities).assurance.number_check;
  };
  EXPECT_EQ(check_of(kBob,
                     "P-Asserted-Identity: <sip:+34600000003@ims.test>, "
                     "<tel:+34600000003;verstat=TN-Validation-Failed>\r\n"),
            kFailed);
  EXPECT_EQ(check_of("<sip:+34600000003;verstat=No-TN-Validation@ims.test>", ""), kNotDone);
  // From is checked as well, and may be somebody else's number: that says nothing of the one that is shown.
  EXPECT_EQ(check_of("<tel:+34600000004;verstat=TN-Validation-Passed>", "P-Asserted-Identity: <tel:+34600000003>\r\n"),
            kUntold);
  EXPECT_EQ(check_of("<tel:+34600000003;verstat=TN-Validation-Passed>", "P-Asserted-Identity: <tel:+34600000003>\r\n"),
            kPassed);
}

// Where the network does not check, anybody could have written it.
TEST_F(CallerIdentityFlowTest, AnUncheckedNumberIsNotBelieved) {  // Covers: C35
  Begin();
  const call::Party caller = CallerOf("<tel:+34600000003;verstat=TN-Validation-Passed>", "");
  EXPECT_EQ(caller.uri, "tel:+34600000003");
  EXPECT_EQ(caller.assurance, call::Assurance());
}

TEST_F(IncomingCallFlowTest, WhoSentTheCallOn) {  // Covers: C28
  Begin();
  SendToStack(
      Invite("History-Info: <sip:+34600000005@ims.test>;index=1, "
             "<sip:+34600000001@ims.test;cause=408>;index=1.1;mp=1\r\n"));
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->diversions,
            (std::vector<call::Diversion>{{"sip:+34600000005@ims.test", call::Diversion::Reason::kNoAnswer}}));
  stack_->signaling().Reject("in-1", 486, {});
}

}  // namespace
}  // namespace byon::sip::test
