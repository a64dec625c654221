// Calls to SIP clients.
#include "tests/controlplane/web_sip/call_fixture.h"

namespace byon::web_sip {
namespace {

TEST_F(CallTest, AClientIsCalledAndAnswers) {
  Client& client = Registered();
  const SipMessage invite = Invited(client);
  EXPECT_EQ(invite.uri(), "sip:alice@c.invalid;transport=ws");
  EXPECT_THAT(invite.Text("From"), HasSubstr("<sip:+34600000003@ims.test>;tag="));
  EXPECT_EQ(invite.Text("P-Asserted-Identity"), "<sip:+34600000003@ims.test>");
  EXPECT_EQ(invite.Text("To"), "<sip:+34600000001@ims.test>");
  EXPECT_THAT(invite.body(), HasSubstr("a=ice-lite"));
  client.Send(Answer(invite, 100));
  client.Send(Answer(invite, 180));
  EXPECT_THAT(Sip(), Contains("progress 180"));
  client.Send(Answer(invite, 200, "Contact: <sip:new@d.invalid;transport=ws>\r\n", AnswerSdp()));
  const SipMessage ack = client.Next();
  EXPECT_EQ(ack.method(), "ACK");
  EXPECT_EQ(ack.uri(), "sip:new@d.invalid;transport=ws");
  EXPECT_EQ(ack.Text("CSeq"), "1 ACK");
  EXPECT_THAT(Sip(), Contains("accept " + call_));
  // The client hangs up, in its direction of the dialog.
  RequestParts bye;
  bye.from = "<sip:+34600000001@ims.test>;tag=client";
  bye.to = invite.Text("From");
  bye.call_id = invite.Text("Call-ID");
  bye.cseq = 1;
  EXPECT_EQ(Ask(client, "BYE", bye), 200);
  EXPECT_THAT(Sip(), Contains("bye " + call_));
}

TEST_F(CallTest, AClientIsToldWhatTheNetworkSaysOfTheCaller) {  // Covers: C35
  Client& client = Registered();
  const auto invited_by = [&](const std::string& uri, call::Assurance assurance) {
    world_.caller = {uri, "", assurance};
    const SipMessage invite = Invited(client);
    client.Send(Answer(invite, 486));
    EXPECT_EQ(client.Next().method(), "ACK");
    return invite;
  };
  EXPECT_EQ(invited_by("tel:+34600000003", {true, call::NumberCheck::kPassed}).Text("P-Asserted-Identity"),
            "<sip:+34600000003@ims.test;user=phone;verstat=TN-Validation-Passed>");
  const SipMessage doubtful = invited_by("sip:+34600000009@evil.example", {false, call::NumberCheck::kFailed});
  EXPECT_EQ(doubtful.Find("P-Asserted-Identity"), nullptr);
  EXPECT_THAT(doubtful.Text("From"), HasSubstr("<sip:+34600000009@evil.example>"));
}

TEST_F(CallTest, TheClientsRefusalIsTheNetworks) {
  Client& client = Registered();
  const std::map<int, int> expected{{486, 486}, {600, 486}, {603, 603}, {480, 480}, {404, 480}, {488, 480}, {302, 480}};
  for (const auto& [code, network] : expected) {
    const SipMessage invite = Invited(client);
    client.Send(Answer(invite, code));
    EXPECT_EQ(client.Next().method(), "ACK") << code;
    EXPECT_THAT(Sip(), Contains("reject " + std::to_string(network) + ' ' + call_)) << code;
  }
  EXPECT_EQ(web_sip_->calls(), 0u);
}

TEST_F(CallTest, AnsweredElsewhereIsNoMissedCall) {
  Client& client = Registered();
  const SipMessage invite = Invited(client);
  client.Send(Answer(invite, 180));
  world_.gateway->OnCancelled(call_, {.sip_status = 200, .text = "Call completed elsewhere"});
  const SipMessage cancel = client.Next();
  EXPECT_EQ(cancel.method(), "CANCEL");
  EXPECT_EQ(cancel.Text("Via"), invite.Text("Via"));
  EXPECT_EQ(cancel.Text("CSeq"), "1 CANCEL");
  EXPECT_EQ(cancel.Text("Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
  client.Send(Answer(cancel, 200));
  client.Send(Answer(invite, 487));
  EXPECT_EQ(client.Next().method(), "ACK");
}

TEST_F(CallTest, CancelWaitsForAProvisionalResponse) {
  Client& client = Registered();
  const SipMessage invite = Invited(client);
  world_.gateway->OnCancelled(call_, {});
  EXPECT_FALSE(client.has_news());
  client.Send(Answer(invite, 180));
  EXPECT_EQ(client.Next().method(), "CANCEL");
}

TEST_F(CallTest, AnAnswerThatCrossesTheCancelIsEnded) {
  Client& client = Registered();
  const SipMessage invite = Invited(client);
  client.Send(Answer(invite, 180));
  world_.gateway->OnCancelled(call_, {});
  EXPECT_EQ(client.Next().method(), "CANCEL");
  client.Send(Answer(invite, 200, "", AnswerSdp()));
  EXPECT_EQ(client.Next().method(), "ACK");
  EXPECT_EQ(client.Next().method(), "BYE");
}

TEST_F(CallTest, ABadAnswerEndsTheCall) {
  Client& client = Registered();
  const SipMessage invite = Invited(client);
  client.Send(Answer(invite, 200, "", "v=0\r\n"));
  EXPECT_EQ(client.Next().method(), "ACK");
  EXPECT_EQ(client.Next().method(), "BYE");
  EXPECT_EQ(web_sip_->calls(), 0u);
}

TEST_F(CallTest, ASilentClientIsNotReachable) {
  Client& client = Registered();
  Invited(client);
  Advance(seconds(33));
  EXPECT_EQ(Count(Counter::kTransactionTimeout), 1u);
  Advance(seconds(11));
  EXPECT_THAT(Sip(), Contains("reject 480 " + call_));
}

TEST_F(CallTest, AClientThatComesBackInTimeIsRungAgain) {
  Client& client = Registered();
  Invited(client);
  client.Lose();
  Advance(seconds(3));
  Client& back = Connect();
  RequestParts parts = RegisterParts();
  parts.call_id = "reg-2";
  back.Send(Text("REGISTER", "sip:ims.test", parts));
  EXPECT_EQ(back.NextStatus(), 200);
  const SipMessage invite = back.Next();
  EXPECT_EQ(invite.method(), "INVITE");
  back.Send(Answer(invite, 200, "", AnswerSdp()));
  EXPECT_EQ(back.Next().method(), "ACK");
  EXPECT_THAT(Sip(), Contains("accept " + call_));
}

}  // namespace
}  // namespace byon::web_sip
