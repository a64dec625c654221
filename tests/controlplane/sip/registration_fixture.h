#pragma once

#include <string>

#include "controlplane/auth/digest.h"
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {

// A stack with numbers to register, and a registrar that the test speaks for.
class RegistrationFlowTest : public StackFixture {
 protected:
  static std::string Challenge(const std::string& nonce, const std::string& more = "") {
    return "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"" + nonce + "\", qop=\"auth\"" + more + "\r\n";
  }
  static std::string Parameter(const std::string& header, const std::string& name) {
    const size_t start = header.find(name + "=");
    if (start == std::string::npos) return "";
    size_t from = start + name.size() + 1;
    const bool is_quoted = header[from] == '"';
    if (is_quoted) ++from;
    return header.substr(from, header.find_first_of(is_quoted ? "\"" : ",", from) - from);
  }
  static bool IsRight(const SipText& request, auth::DigestAlgorithm algorithm) {
    const std::string header = request.Get("Authorization");
    const auto hash = [&](const std::string& text) { return auth::DigestHex(algorithm, text); };
    const std::string ha1 = hash("+34600000001@ims.test:ims.test:secret");
    const std::string ha2 = hash(request.method() + ":" + Parameter(header, "uri"));
    return Parameter(header, "response") ==
           hash(ha1 + ":" + Parameter(header, "nonce") + ":" + Parameter(header, "nc") + ":" +
                Parameter(header, "cnonce") + ":auth:" + ha2);
  }
  void RegisterOnce() {
    stack_->registrar().Register(Registration());
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered r1");
  }
};

}  // namespace byon::sip::test
