#include "controlplane/call/address.h"

#include <gtest/gtest.h>

namespace byon::call {
namespace {

TEST(Address, WhatMayBeCalled) {
  for (const char* good :
       {"tel:+34600000002", "tel:+12345", "tel:112233;phone-context=+81", "tel:*21#;phone-context=example.com",
        "sip:alice@example.com", "sip:+818000000001@operator.com", "sip:+818000000001@operator.com;user=phone",
        "sip:1004;phone-context=+34@example.com;user=phone"}) {
    EXPECT_EQ(TargetUriOf(good), good);
  }
  for (const char* bad : {"",
                          "tel:",
                          "tel:+1234",
                          "tel:+1234567890123456",
                          "tel:12345",
                          "tel:+346000x",
                          "tel:+34600;ext=1",
                          "tel:1;phone-context=",
                          "tel:1;phone-context=10.0.0.1",
                          "sip:alice@10.0.0.1",
                          "sip:alice",
                          "sip:@a.example",
                          "sip:a@b.example?Replaces=x",
                          "sip:a@b.example;maddr=10.0.0.1",
                          "sip:a@b.example\r\nX: y",
                          "sip:a%0d@b.example",
                          "sip:a b@c.example",
                          "sips:a@b.example",
                          "http://a.example",
                          "urn:service:sos",
                          "urn:service:counseling",
                          "sip:anonymous@anonymous.invalid",
                          "tel:+34600000002>",
                          "sip:a@b..example",
                          "TEL:+34600000002"}) {
    EXPECT_FALSE(TargetUriOf(bad)) << bad;
  }
  EXPECT_FALSE(TargetUriOf("sip:" + std::string(300, 'a') + "@b.example"));
}

TEST(Address, EmergencyNumbersInEveryDisguise) {  // Covers: C18
  std::vector<std::string> numbers{"091"};
  for (const char* address :
       {"tel:112", "tel:112;phone-context=+34", "tel:911;phone-context=example.com", "tel:+34112", "tel:+1911",
        "tel:1-1-2", "tel:091;phone-context=+34", "sip:112@ims.example",
        "sip:911;phone-context=+1@x.example;user=phone", "sip:+34112@ims.example;user=phone", "urn:service:sos",
        "urn:service:sos.police", "URN:SERVICE:SOS", "sips:112@a.example", "SIP:112@a.example", "tel:+112", "112"}) {
    EXPECT_TRUE(IsEmergencyAddress(address, numbers)) << address;
  }
  for (const char* address :
       {"tel:+34600000112", "tel:+34911123456", "tel:1120;phone-context=+34", "sip:x112@a.example",
        "tel:11;phone-context=+112", "urn:service:counseling", "tel:092;phone-context=+34", "urn:service:sosx",
        "urn:service:sos\r\nX: y", "urn:service:sos>", "sip:112@a.example\r\nX: y", "tel:112\n", "sip:112@a>"}) {
    EXPECT_FALSE(IsEmergencyAddress(address, numbers)) << address;
  }
}

// +CC and a short number is a disguise only where nobody has that number.
TEST(Address, NoEmergencyNumberSwallowsASubscribers) {  // Covers: C18
  const std::vector<std::string> numbers{"110", "9999", "95110", "12345678"};
  for (const char* dialled :
       {"tel:9999;phone-context=+968", "sip:95110@ims.example", "tel:+86110", "tel:+352112", "tel:+7112"}) {
    EXPECT_TRUE(IsEmergencyAddress(dialled, numbers)) << dialled;
  }
  for (const char* subscriber : {"tel:+3529999", "tel:+35295110", "tel:+4512345678", "tel:+431110", "tel:+4351112"}) {
    EXPECT_FALSE(IsEmergencyAddress(subscriber, numbers)) << subscriber;
  }
}

TEST(Address, BarredNumbersInEveryDisguise) {
  const std::vector<std::string> prefixes{"+34806", "00"};
  for (const char* address :
       {"tel:+34806123456", "sip:+34806123456@ims.example;user=phone", "tel:806123456;phone-context=+34",
        "tel:123456;phone-context=+34806", "tel:6123456;phone-context=+3480",
        "sip:806123456;phone-context=+34@ims.example;user=phone", "tel:0034806;phone-context=ims.example",
        "tel:806123456;PHONE-CONTEXT=+34", "tel:806123456;phone-context=+3-4"}) {
    EXPECT_TRUE(IsBarredAddress(address, prefixes)) << address;
  }
  for (const char* address : {"tel:+34600000806", "tel:806123456;phone-context=+35",
                              "tel:806123456;phone-context=ims.example", "sip:alice@ims.example"}) {
    EXPECT_FALSE(IsBarredAddress(address, prefixes)) << address;
  }
}

TEST(Address, ShowsTheNetworksIdentities) {  // Covers: C8 C23
  auto shown = [](const char* uri) { return ShownAddressOf(uri, "ims.example"); };
  EXPECT_EQ(shown("sip:+34600000003@ims.test;user=phone"), "tel:+34600000003");
  EXPECT_EQ(shown("sip:+34600000003;npdi@10.0.0.1:5060"), "tel:+34600000003");
  EXPECT_EQ(shown("tel:+34600000003"), "tel:+34600000003");
  EXPECT_EQ(shown("tel:+34-600-000-003;cpc=ordinary"), "tel:+34600000003");
  EXPECT_EQ(shown("tel:1004;phone-context=ims.example"), "sip:1004@ims.example");
  EXPECT_EQ(shown("sip:1004@10.1.2.3"), "sip:1004@ims.example");
  EXPECT_EQ(shown("sip:alice@other.example;transport=tcp"), "sip:alice@other.example");
  EXPECT_EQ(shown("sip:alice@10.1.2.3"), "sip:alice@ims.example");
  for (const char* hidden : {"", "sip:anonymous@anonymous.invalid", "sip:10.0.0.1", "sip:a b@c.example", "http://x",
                             "tel:", "sip:<script>@x.example"}) {
    EXPECT_EQ(shown(hidden), kAnonymousAddress) << hidden;
  }
}

// A number of one's own choice before an own domain looks like somebody's (only the network can tell).
TEST(Address, ANumberThatNobodyAssertsIsShownWithItsDomain) {  // Covers: C8
  const auto shown = [](const char* uri, bool is_asserted) {
    return ShownCallerOf({uri, "", {is_asserted, NumberCheck::kUntold}}, "ims.example");
  };
  EXPECT_EQ(shown("sip:+34600000009@evil.example", true), "tel:+34600000009");
  EXPECT_EQ(shown("sip:+34600000009@evil.example", false), "sip:+34600000009@evil.example");
  EXPECT_EQ(shown("sip:+34600000009@evil.example;user=phones", false), "sip:+34600000009@evil.example");
  EXPECT_EQ(shown("sip:+34600000009@other.example;transport=tcp;User=Phone", false), "tel:+34600000009");
  EXPECT_EQ(shown("sip:+34600000009@ims.example:5060", false), "tel:+34600000009");
  EXPECT_EQ(shown("tel:+34600000009", false), "tel:+34600000009");
  EXPECT_EQ(shown("sip:+34600000009@10.0.0.1", false), kAnonymousAddress);
  EXPECT_EQ(shown("sip:+34-600-000-009@evil.example", false), "sip:+34-600-000-009@evil.example");
  EXPECT_EQ(shown("sip:alice@other.example", false), "sip:alice@other.example");
  EXPECT_EQ(shown("", false), kAnonymousAddress);
}

TEST(Address, FindsPhoneNumbers) {
  EXPECT_EQ(PhoneNumberOf("tel:+34600000001"), "+34600000001");
  EXPECT_EQ(PhoneNumberOf("sip:+34600000001@ims.example;user=phone"), "+34600000001");
  EXPECT_FALSE(PhoneNumberOf("+34600000001"));
  EXPECT_FALSE(PhoneNumberOf("sip:alice@ims.example"));
}

TEST(Address, CleansNames) {
  EXPECT_EQ(CleanDisplayName("Ana\r\nX: y\x7f"), "AnaX: y");
  EXPECT_EQ(CleanDisplayName(std::string(4096, 'a')).size(), 128u);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xc3\xa9";
  EXPECT_EQ(CleanDisplayName("a" + wide).size(), 127u);  // not half a character
}

}  // namespace
}  // namespace byon::call
