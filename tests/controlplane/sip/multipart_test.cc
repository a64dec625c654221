#include "controlplane/sip/text/multipart.h"

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <string>

namespace byon::sip {
namespace {

using Kind = BodyVerdict::Kind;

std::string Wire(std::string text) {  // lines as they are on the wire
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.insert(at, 1, '\r');
  return text;
}
// Parts are views.
const std::string& Keep(std::string body) {
  static std::list<std::string> kept;
  return kept.emplace_back(std::move(body));
}
std::vector<BodyPart> Split(const std::string& type, const std::string& body) {
  auto parts = SplitMultipart(type, Keep(body), [](const BodyPart& part) { return part.type == "application/sdp"; });
  EXPECT_TRUE(parts) << body;
  return parts.value_or(std::vector<BodyPart>());
}
BodyVerdict Find(const std::string& type, const std::string& body, const std::string& disposition = "") {
  return FindSdp(type, disposition, Keep(body));
}

// RFC 2046 section 5.1.1.
TEST(Multipart, TheExampleOfTheStandard) {  // Covers: C30
  const std::string body = Wire(
      "This is the preamble.  It is to be ignored, though it\n"
      "is a handy place for composition agents to include an\n"
      "explanatory note to non-MIME conformant readers.\n"
      "\n"
      "--simple boundary\n"
      "\n"
      "This is implicitly typed plain US-ASCII text.\n"
      "It does NOT end with a linebreak.\n"
      "--simple boundary\n"
      "Content-type: text/plain; charset=us-ascii\n"
      "\n"
      "This is explicitly typed plain US-ASCII text.\n"
      "It DOES end with a linebreak.\n"
      "\n"
      "--simple boundary--\n"
      "\n"
      "This is the epilogue.  It is also to be ignored.\n");
  const auto parts = Split("multipart/mixed; boundary=\"simple boundary\"", body);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].type, "text/plain");
  EXPECT_EQ(parts[0].content, Wire("This is implicitly typed plain US-ASCII text.\nIt does NOT end with a linebreak."));
  EXPECT_EQ(parts[1].type, "text/plain");
  EXPECT_EQ(parts[1].content, Wire("This is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n"));
}

// The shape of RFC 3204 section 4: ISUP beside the session description.
std::string WithIsup(const std::string& handling) {
  return Wire(
             "--unique-boundary-1\nContent-Type: application/SDP; charset=ISO-10646\n\nv=0\n\n--unique-boundary-1\n"
             "Content-type:application/isup; version=nxv3; base=etsi121\nContent-Disposition: signal" +
             handling + "\n\n") +
         std::string("\x01\x00\x49\r\n--\x00", 8) + Wire("\n--unique-boundary-1--\n");
}

TEST(Multipart, HandlingSaysWhatMustBeUnderstood) {  // Covers: C30
  const std::string type = "multipart/mixed;boundary=unique-boundary-1";
  const BodyVerdict optional = Find(type, WithIsup("; handling=optional"));
  EXPECT_EQ(optional.kind, Kind::kGood);
  EXPECT_EQ(optional.content, "v=0\r\n");
  for (const char* handling : {"; handling=required", "", ";handling=whatever"}) {
    EXPECT_EQ(Find(type, WithIsup(handling)).kind, Kind::kUnsupported) << handling;
  }
  EXPECT_EQ(Find(type, WithIsup(";handling=required"), "session;handling=optional").kind, Kind::kGood)
      << "the whole of it is optional";
  const auto parts = Split(type, WithIsup("; handling=OPTIONAL"));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].content, std::string_view("\x01\x00\x49\r\n--\x00", 8)) << "bytes as they are";
  EXPECT_FALSE(parts[1].is_required);
  EXPECT_EQ(parts[1].disposition, "signal");
}

TEST(Multipart, ASessionDescriptionIsFoundWhereverItStands) {  // Covers: C30
  const auto in = [](const std::string& kind, const std::string& parts) {
    return Find("multipart/" + kind + "; boundary=b", Wire(parts));
  };
  EXPECT_EQ(in("related;type=\"application/sdp\"", "--b\nc: application/sdp\n\nv=0\n--b--").content, "v=0");
  // Of alternatives the last that is understood (RFC 2046 section 5.1.4), or none.
  EXPECT_EQ(in("alternative",
               "--b\nContent-Type: application/sdp\n\nv=1\n--b\nContent-Type: application/sdp\n\nv=2\n"
               "--b\nContent-Type: application/new\n\nx\n--b--")
                .content,
            "v=2");
  EXPECT_EQ(in("alternative", "--b\nContent-Type: application/new\n\nx\n--b--").kind, Kind::kUnsupported);
  // Within others.
  EXPECT_EQ(in("mixed",
               "--b\nContent-Type: multipart/alternative;boundary=\"b b\"\n\n--b b\n\nplain\n--b b\n"
               "Content-Type: application/sdp\n\nv=3\n--b b--\n--b--")
                .content,
            "v=3");
  // What is for something else is not the session's (RFC 3959), nor what SIP has no need to encode.
  EXPECT_EQ(in("mixed",
               "--b\nContent-Type: application/sdp\nContent-Disposition: early-session;handling=optional\n\nv=4\n--b--")
                .content,
            std::nullopt);
  EXPECT_EQ(in("mixed", "--b\nContent-Type: application/sdp\nContent-Transfer-Encoding: base64\n\ndj0w\n--b--").kind,
            Kind::kUnsupported);
  EXPECT_EQ(in("mixed", "--b\nContent-Type: application/sdp\nContent-Transfer-Encoding: binary\n\nv=5\n--b--").content,
            "v=5");
  // A folded header, and one of lines that end in LF alone.
  EXPECT_EQ(in("mixed", "--b \nContent-Type:\n application/sdp\n\nv=6\n--b--  ").content, "v=6");
  EXPECT_EQ(Find("multipart/mixed;boundary=b", "--b\nContent-Type: application/sdp\n\nv=7\n--b--\n").content, "v=7");
}

TEST(Multipart, WhatIsAloneIsJudgedAlike) {
  EXPECT_EQ(Find("", "").kind, Kind::kNone);
  EXPECT_EQ(Find("application/sdp", "v=0").content, "v=0");
  EXPECT_EQ(Find("Application/SDP;x=y", "v=0").content, "v=0");
  EXPECT_EQ(Find("text/plain", "hello").kind, Kind::kUnsupported);
  EXPECT_EQ(Find("", "hello").kind, Kind::kUnsupported);
  EXPECT_EQ(Find("application/resource-lists+xml", "<x/>", "recipient-list;handling=optional").kind, Kind::kGood);
  EXPECT_EQ(FindPart("application/3gpp-ims+xml;sv=\"1,1\"", "<x/>", "application/3gpp-ims+xml"), "<x/>");
  EXPECT_EQ(FindPart("multipart/mixed;boundary=b",
                     Keep(Wire("--b\n\nhi\n--b\nContent-Type: application/3gpp-ims+xml\n\n<x/>\n--b--")),
                     "application/3gpp-ims+xml"),
            "<x/>");
  EXPECT_EQ(FindPart("application/sdp", "v=0", "application/3gpp-ims+xml"), "");
}

TEST(Multipart, WhatCannotBeTakenApartIsRefused) {  // Covers: C30
  const std::string part = "--b\nContent-Type: application/sdp\n\nv=0\n";
  const auto kind = [](const std::string& type, const std::string& body) { return Find(type, Wire(body)).kind; };
  const std::string mixed = "multipart/mixed;boundary=b";
  EXPECT_EQ(kind(mixed, part), Kind::kMalformed) << "not closed";
  EXPECT_EQ(kind(mixed, "--b--\n"), Kind::kMalformed) << "no part";
  EXPECT_EQ(kind(mixed, "nothing\n"), Kind::kMalformed);
  EXPECT_EQ(kind("multipart/mixed", part + "--b--"), Kind::kMalformed) << "no boundary";
  EXPECT_EQ(kind("multipart/mixed;boundary=\"\"", part + "--b--"), Kind::kMalformed);
  EXPECT_EQ(kind("multipart/mixed;boundary=" + std::string(71, 'b'), part + "--b--"), Kind::kMalformed);
  EXPECT_EQ(kind(mixed, "--b\nno header\n\nv=0\n--b--"), Kind::kMalformed);
  EXPECT_EQ(kind(mixed, "--b\nX: " + std::string(5000, 'x') + "\n\nv=0\n--b--"), Kind::kMalformed);
  std::string many;
  for (size_t i = 0; i < kMaxBodyParts; ++i) many += part;
  EXPECT_EQ(kind(mixed, many + "--b--"), Kind::kUnsupported) << "a second description has no meaning";
  EXPECT_EQ(kind(mixed, many + part + "--b--"), Kind::kMalformed);
  std::string deep = part + "--b--";
  for (int depth = 1; depth <= kMaxMultipartDepth; ++depth) {
    const std::string outer = "o" + std::to_string(depth);
    const std::string inner = depth == 1 ? "b" : "o" + std::to_string(depth - 1);
    EXPECT_EQ(kind("multipart/mixed;boundary=" + inner, deep), Kind::kGood) << depth;
    deep = "--" + outer + "\nContent-Type: multipart/mixed;boundary=" + inner + "\n\n" + deep + "\n--" + outer + "--";
  }
  EXPECT_EQ(kind("multipart/mixed;boundary=o" + std::to_string(kMaxMultipartDepth), deep), Kind::kMalformed);
}

// Whatever the parts are, they come back as they went in.
TEST(Multipart, WhatIsJoinedIsSplitAgain) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    std::vector<NewPart> parts(1 + random() % kMaxBodyParts);
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].headers = "Content-Type: application/t" + std::to_string(i) + "\r\n";
      for (size_t length = random() % 60; length > 0; --length) parts[i].content += "ab-\r\n \0:"[random() % 9];
    }
    const std::string body = JoinMultipart(parts, "0123456789abcdef");
    const auto split = Split("multipart/mixed;boundary=\"0123456789abcdef\"", body);
    ASSERT_EQ(split.size(), parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(split[i].type, "application/t" + std::to_string(i));
      EXPECT_EQ(split[i].content, parts[i].content);
    }
  }
}

}  // namespace
}  // namespace byon::sip
