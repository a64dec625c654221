// RFC 4475, SIP torture tests: what becomes of each message at our door.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "controlplane/web_sip/request_head.h"

namespace byon::web_sip {
namespace {

std::string VerdictOn(const std::string& text) {
  const auto message = SipMessage::Parse(text);
  if (!message) return std::string(ToString(message.error()));
  if (!message->is_request()) return ReadResponseHead(*message) ? "response" : "bad response";
  const auto head = ReadHead(*message, "gw.example");
  if (head) return "good";
  return CanBeAnswered(*message) ? std::to_string(head.error().status) : "unanswerable";
}

// Valid by the RFC and refused here on purpose: intmeth (control characters, even escaped), longreq (a name of more
// than 64 characters), wsinv (white space within sent-protocol), dblreq (a WebSocket message holds one SIP message).
// What is "good" here is judged by its content later: domain, Contact, body, credentials.
TEST(TortureTest, EachMessageHasItsVerdict) {
  const std::map<std::string, std::string> expected{
      {"badaspec", "good"},
      {"badbranch", "400"},
      {"baddate", "good"},
      {"baddn", "no end of headers"},
      {"badinv01", "400"},
      {"badvers", "bad version"},
      {"bcast", "response"},
      {"bext01", "420"},
      {"bigcode", "bad start line"},
      {"clerr", "bad content length"},
      {"cparam01", "good"},
      {"cparam02", "good"},
      {"dblreq", "bad content length"},
      {"esc01", "good"},
      {"esc02", "good"},
      {"escnull", "good"},
      {"escruri", "good"},
      {"insuf", "unanswerable"},
      {"intmeth", "bad header"},
      {"inv2543", "400"},
      {"invut", "good"},
      {"longreq", "bad header"},
      {"ltgtruri", "400"},
      {"lwsdisp", "good"},
      {"lwsruri", "bad start line"},
      {"lwsstart", "bad start line"},
      {"mcl01", "bad content length"},
      {"mismatch01", "400"},
      {"mismatch02", "400"},
      {"mpart01", "good"},
      {"multi01", "400"},
      {"ncl", "bad content length"},
      {"noreason", "response"},
      {"novelsc", "400"},
      {"quotbal", "400"},
      {"regaut01", "good"},
      {"regbadct", "good"},
      {"regescrt", "good"},
      {"scalar02", "400"},
      {"scalarlg", "bad response"},
      {"sdp01", "good"},
      {"semiuri", "good"},
      {"transports", "good"},
      {"trws", "bad start line"},
      {"unkscm", "416"},
      {"unksm2", "good"},
      {"unreason", "response"},
      {"wsinv", "400"},
      {"zeromf", "483"},
  };
  size_t seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(BYON_SIP_TORTURE)) {
    std::ifstream stream(file.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    const auto wanted = expected.find(file.path().stem());
    EXPECT_EQ(VerdictOn(text.str()), wanted == expected.end() ? "?" : wanted->second) << file.path().stem();
    ++seen;
  }
  EXPECT_EQ(seen, expected.size());
}

}  // namespace
}  // namespace byon::web_sip
