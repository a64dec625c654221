#include "tests/controlplane/auth/aka_network.h"
#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

// A number with an ISIM (RFC 3310, TS 24.229 section 5.1.1.5).
class AkaRegistrationTest : public RegistrationFlowTest {
 protected:
  AkaRegistrationTest() { passwords_.isim.emplace(network_.keys); }
  std::string AkaChallenge(uint64_t sqn) const { return Challenge(network_.Nonce(sqn), ", algorithm=AKAv1-MD5"); }
  bool IsProof(const SipText& request, uint64_t sqn) const {
    const std::string header = request.Get("Authorization");
    const auto md5 = [](const std::string& text) { return auth::DigestHex(auth::DigestAlgorithm::kMd5, text); };
    return Parameter(header, "nonce") == network_.Nonce(sqn) &&
           Parameter(header, "response") == md5(md5("+34600000001@ims.test:ims.test:" + network_.expected_response()) +
                                                ":" + network_.Nonce(sqn) + ":" + Parameter(header, "nc") + ":" +
                                                Parameter(header, "cnonce") + ":auth:" + md5("REGISTER:sip:ims.test"));
  }

  auth::test::AkaNetwork network_;
};

TEST_F(AkaRegistrationTest, TheIsimProvesItselfAndItsAnswerServesTheRefresh) {  // Covers: R4
  StartStack();
  stack_->registrar().Register(Registration());
  // A password would be weaker: it is not even asked for.
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", Challenge("n1") + AkaChallenge(33));
  const SipText answered = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(answered, 33)) << answered.Get("Authorization");
  peer_.Reply(answered, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  stack_->registrar().Register(Registration());
  const SipText refresh = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(refresh, 33));
  EXPECT_EQ(Parameter(refresh.Get("Authorization"), "nc"), "00000002");
}

TEST_F(AkaRegistrationTest, NumbersThatPartedAreBroughtTogether) {  // Covers: R4
  passwords_.isim->Restore(33 * 1000);
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33));
  const SipText resync = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(Parameter(resync.Get("Authorization"), "auts").size(), 20u);
  peer_.Reply(resync, "401 Unauthorized", "reg", AkaChallenge(33 * 1001));
  const SipText answered = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(answered, 33 * 1001));
  peer_.Reply(answered, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  EXPECT_EQ(Count(SipCounter::kAkaResync), 1u);
}

TEST_F(AkaRegistrationTest, AForeignNetworkIsToldTwiceAndLeft) {  // Covers: R4
  StartStack();
  stack_->registrar().Register(Registration());
  network_.keys.k[3] ^= 1;
  SipText request = peer_.ExpectRequest("REGISTER");
  for (int i = 1; i <= 3; ++i) {
    peer_.Reply(request, "401 Unauthorized", "reg", AkaChallenge(33 * static_cast<uint64_t>(i)));
    if (i == 3) break;
    request = peer_.ExpectRequest("REGISTER");
    EXPECT_EQ(Parameter(request.Get("Authorization"), "response"), "");
    EXPECT_EQ(request.Get("Authorization").find("auts"), std::string::npos);
  }
  recorder_.Expect("register failed r1 401 final");
  EXPECT_EQ(Count(SipCounter::kAkaNotTheNetwork), 3u);
  EXPECT_EQ(Count(SipCounter::kRegisterSent), 3u);
}

TEST_F(AkaRegistrationTest, ARestartTakesNoOldChallengeForANewOne) {  // Covers: R4 T6
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33 * 7));
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  const auto registered = *recorder_.registered;
  EXPECT_EQ(registered.snapshot.find(network_.Nonce(33 * 7)), std::string::npos) << "a used nonce is of no use";
  passwords_.isim.emplace(network_.keys);
  RestartStack();
  stack_->registrar().Restore(Registration(), registered);
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33 * 7));
  EXPECT_EQ(Parameter(peer_.ExpectRequest("REGISTER").Get("Authorization"), "auts").size(), 20u);
}

}  // namespace
}  // namespace byon::sip::test
