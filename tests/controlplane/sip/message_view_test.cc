#include "controlplane/sip/sofia.h"
// The library's headers go first: they fix its context types.
#include "controlplane/sip/message_view.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace byon::sip {
namespace {

// A message as the library reads it from the network.
class Received {
 public:
  explicit Received(const std::string& text)
      : message_(msg_make(sip_default_mclass(), 0, text.data(), static_cast<ssize_t>(text.size()))) {}
  ~Received() { msg_destroy(message_); }
  MessageView view() const { return MessageView(sip_object(message_)); }

 private:
  msg_t* message_;
};

std::string Answer(const std::string& headers) {
  return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@ims.test>;tag=f\r\n"
         "To: <sip:a@ims.test>;tag=t\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n" +
         headers + "Content-Length: 0\r\n\r\n";
}

// RFC 5627 section 5.3: both GRUUs stand beside the contact, and what follows them counts as well.
TEST(MessageViewTest, HeadersAreWholeHoweverLong) {
  for (size_t length = 0; length < 600; ++length) {
    const std::string filler(length, 'x');
    const Received message(Answer("Contact: <sip:token@192.0.2.1:5070>;temp-gruu=\"" + filler + "\";expires=60\r\n" +
                                  "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"" + filler +
                                  "\", algorithm=MD5, qop=\"auth\"\r\n" + "Service-Route: <sip:" + filler +
                                  "@scscf.ims.test;lr>\r\n" + "Reason: SIP;cause=200;text=\"" + filler + "\"\r\n"));
    const MessageView view = message.view();
    for (const auto& [name, end] : {std::pair("Contact", ";expires=60"), std::pair("WWW-Authenticate", "qop=\"auth\""),
                                    std::pair("Service-Route", "@scscf.ims.test;lr>"), std::pair("Reason", "x\"")}) {
      if (length == 0 && std::string(name) == "Reason") continue;
      const std::string text = view.Header(name).value_or("");
      EXPECT_TRUE(text.ends_with(end)) << name << " with " << length << ": " << text;
      EXPECT_EQ(text.find('\0'), std::string::npos) << name << " with " << length;
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace byon::sip
