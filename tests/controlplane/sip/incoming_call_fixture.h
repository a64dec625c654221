#pragma once

#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {

class IncomingCallFlowTest : public StackFixture {
 protected:
  void Begin() {
    StartStack();
    RestoreRegistration();
  }
  PeerRequest Invite(const std::string& headers = "", const std::string& body = kOffer) {
    return {.method = "INVITE",
            .uri = ContactUri(),
            .from = "\"Bob\" <sip:+34600000003@ims.test>;tag=caller",
            .to = "<sip:+34600000001@ims.test>",
            .call_id = "call-" + std::to_string(++calls_),
            .cseq = 1,
            .headers = "Contact: <" + peer_.uri() +
                       ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n"
                       "P-Asserted-Identity: <sip:+34600000003@ims.test>, <tel:+34600000003>\r\n"
                       "P-Called-Party-ID: <sip:+34600000001@ims.test>\r\n" +
                       headers,
            .body = body,
            .branch = FreshBranch()};
  }
  // A further request of the caller; `to` is the To of one of our responses.
  PeerRequest Next(const PeerRequest& invite, const SipText& response, const std::string& method, uint32_t cseq) {
    PeerRequest request = invite;
    request.method = method;
    request.to = response.Get("To");
    request.cseq = cseq;
    request.headers.clear();
    request.body.clear();
    request.branch.clear();
    return request;
  }
  PeerRequest Cancel(const PeerRequest& invite, const std::string& reason) {
    PeerRequest cancel = invite;
    cancel.method = "CANCEL";
    cancel.headers = reason.empty() ? "" : "Reason: " + reason + "\r\n";
    cancel.body.clear();
    return cancel;
  }
  PeerRequest Prack(const PeerRequest& invite, const SipText& reliable, uint32_t cseq) {
    PeerRequest prack = Next(invite, reliable, "PRACK", cseq);
    prack.headers = "RAck: " + reliable.Get("RSeq") + " 1 INVITE\r\n";
    return prack;
  }

  // A call in the confirmed state: its INVITE and our 200.
  std::pair<PeerRequest, SipText> Connect() {
    const PeerRequest invite = Invite();
    SendToStack(invite);
    recorder_.Expect("incoming");
    stack_->signaling().Accept("in-1", kAnswer);
    const SipText answer = peer_.ExpectStatus(200, "INVITE");
    SendToStack(Next(invite, answer, "ACK", 1));
    recorder_.Expect("confirmed in-1");
    return {invite, answer};
  }

  int calls_ = 0;
};

}  // namespace byon::sip::test
