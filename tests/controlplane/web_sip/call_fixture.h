#pragma once

#include "tests/controlplane/web_sip/web_sip_fixture.h"

namespace byon::web_sip {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

inline constexpr char kBob[] = "sip:+34600000002@ims.test";

// Calls of SIP clients, both ways, through a real gateway with a network that the test plays.
class CallTest : public WebSipTest {
 protected:
  RequestParts InviteParts(int cseq = 1) {
    RequestParts parts;
    parts.from = std::string("\"Alice\" <") + kAor + ">;tag=f1";
    parts.to = std::string("<") + kBob + ">";
    parts.cseq = cseq;
    parts.branch = "z9hG4bKinvite" + std::to_string(cseq);
    parts.headers = {{"Contact", Contact()}, {"Supported", "timer"}};
    parts.body = sdp::kChromiumOffer;
    return parts;
  }
  // The INVITE is with the network; its dialog is "A".
  std::string Dial(Client& client, const RequestParts& parts, const std::string& uri = kBob) {
    const size_t before = world_.media.created.size();
    client.Send(Text("INVITE", uri, parts));
    EXPECT_EQ(client.NextStatus(), 100);
    if (world_.media.created.size() == before) return "";
    const std::string id = world_.media.created.back().first;
    world_.media.Ready(id);
    return id;
  }
  void Ring(const std::string& id) {
    call::Progress progress;
    progress.dialog_id = "A";
    progress.status_code = 180;
    progress.phrase = "Ringing";
    world_.gateway->OnProgress(id, progress);
  }
  // Within the dialog that this response to our INVITE made.
  RequestParts InDialog(const SipMessage& response, int cseq) {
    RequestParts parts;
    parts.from = response.Text("From");
    parts.to = response.Text("To");
    parts.call_id = response.Text("Call-ID");
    parts.cseq = cseq;
    return parts;
  }
  // An answered call of the client's; the 200.
  SipMessage Connected(Client& client, const RequestParts& parts) {
    const std::string id = Dial(client, parts);
    world_.gateway->OnAnswered(id, "A", call::PhoneSdp());
    world_.gateway->OnAccessConnected(id);
    SipMessage ok = client.Next();
    EXPECT_EQ(ok.status(), 200);
    client.Send(Text("ACK", kBob, InDialog(ok, 1)));
    return ok;
  }
  SipMessage Connected(Client& client) { return Connected(client, InviteParts()); }
  int Ask(Client& client, const std::string& method, const RequestParts& parts, const std::string& uri = kBob) {
    client.Send(Text(method, uri, parts));
    SipMessage response = client.Next();
    if (response.status() == 100) response = client.Next();
    return response.status();
  }
  // What the client answers to a request of ours.
  std::string Answer(const SipMessage& request, int status, const std::string& more = "",
                     const std::string& body = "") {
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\r\n";
    for (const char* name : {"Via", "From", "Call-ID", "CSeq"})
      text += std::string(name) + ": " + request.Text(name) + "\r\n";
    std::string to = request.Text("To");
    if (to.find("tag=") == to.npos) to += ";tag=client";
    text += "To: " + to + "\r\n" + more;
    if (!body.empty()) text += "Content-Type: application/sdp\r\n";
    return text + "\r\n" + body;
  }
  std::string AnswerSdp() {
    std::string sdp = sdp::kChromiumOffer;
    return sdp.replace(sdp.find("a=setup:actpass"), 15, "a=setup:active");
  }
  SipMessage Invited(Client& client) {
    call_ = world_.Incoming();
    SipMessage invite = client.Next();
    EXPECT_EQ(invite.method(), "INVITE");
    return invite;
  }
  std::vector<std::string>& Sip() { return world_.sip.log; }

  std::string call_;
};

}  // namespace byon::web_sip
