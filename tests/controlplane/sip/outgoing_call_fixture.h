#pragma once

#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {

class OutgoingCallFlowTest : public StackFixture {
 protected:
  void Begin() {
    StartStack();
    RestoreRegistration();
  }
  SipText InviteOnce() {
    stack_->signaling().Invite(Outgoing());
    return peer_.ExpectRequest("INVITE");
  }
  // Answers an INVITE and takes the ACK.
  SipText Answer(const SipText& invite, const std::string& tag, const std::string& more = "") {
    peer_.Reply(invite, "200 OK", tag, CalleeHeaders(more), kAnswer);
    recorder_.Expect("answered out-1 " + tag);
    return peer_.ExpectRequest("ACK");
  }
  PeerRequest InDialog(const SipText& invite, const std::string& tag, const std::string& method, uint32_t cseq) {
    return {.method = method,
            .uri = ContactUri(),
            .from = "<" + invite.Get("To").substr(1) + ";tag=" + tag,
            .to = invite.Get("From"),
            .call_id = invite.Get("Call-ID"),
            .cseq = cseq,
            .headers = "",
            .body = "",
            .branch = ""};
  }
  std::string Reliable(int rseq) { return CalleeHeaders("Require: 100rel\r\nRSeq: " + std::to_string(rseq) + "\r\n"); }
};

}  // namespace byon::sip::test
