#include "controlplane/messaging/page_content.h"

#include <gtest/gtest.h>

#include "controlplane/messaging/cpim.h"
#include "controlplane/messaging/message_text.h"

namespace byon::messaging {
namespace {

// RFC 5438 section 7.1.1.3, the message of the example.
constexpr char kRequest[] =
    "From: Alice <im:alice@example.com>\r\nTo: Bob <im:bob@example.com>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
    "imdn.Message-ID: 34jk324j\r\nDateTime: 2006-04-04T12:16:49-05:00\r\n"
    "imdn.Disposition-Notification: positive-delivery, negative-delivery\r\nContent-type: text/plain\r\n"
    "Content-length: 12\r\n\r\nHello World\r\n";
// RFC 5438 section 7.2.1.1, the notification.
constexpr char kNotification[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n"
    "<message-id>34jk324j</message-id>\r\n<datetime>2008-04-04T12:16:49-05:00</datetime>\r\n"
    "<recipient-uri>im:bob@example.com</recipient-uri>\r\n"
    "<original-recipient-uri>im:bob@example.com</original-recipient-uri>\r\n"
    "<delivery-notification><status><delivered/></status></delivery-notification>\r\n</imdn>\r\n";

TEST(CpimTest, ReadsTheExampleOfTheStandard) {
  const auto cpim = ParseCpim(kRequest);
  ASSERT_TRUE(cpim);
  EXPECT_EQ(cpim->from, "im:alice@example.com");
  EXPECT_EQ(cpim->to, "im:bob@example.com");
  EXPECT_EQ(cpim->message_id, "34jk324j");
  EXPECT_TRUE(cpim->wants_delivery);
  EXPECT_FALSE(cpim->wants_display);
  EXPECT_EQ(cpim->content_type, "text/plain");
  EXPECT_EQ(cpim->body, "Hello World\r\n");
}

TEST(CpimTest, ReadsItsOwnWritingAndAnyPrefix) {
  Cpim cpim{.from = "tel:+34600000001",
            .to = "tel:+34600000002",
            .date_time = "",
            .message_id = "abc",
            .wants_delivery = true,
            .wants_display = true,
            .content_type = "text/plain;charset=UTF-8",
            .body = "x\r\n\r\ny"};
  const auto read = ParseCpim(BuildCpim(cpim));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->message_id, "abc");
  EXPECT_TRUE(read->wants_display);
  EXPECT_EQ(read->body, cpim.body);
  const auto renamed = ParseCpim(
      "NS: N <urn:ietf:params:imdn>\nn.Message-ID: q\nimdn.Message-ID: other\n\nContent-Type: text/plain\n\nhi");
  ASSERT_TRUE(renamed);
  EXPECT_EQ(renamed->message_id, "q");
}

TEST(CpimTest, RefusesWhatIsNone) {
  EXPECT_FALSE(ParseCpim(""));
  EXPECT_FALSE(ParseCpim("hello"));
  EXPECT_FALSE(ParseCpim("From: <a>\r\n\r\nno headers here"));
  EXPECT_FALSE(ParseCpim("From: <a>\r\n\r\nSubject: x\r\n\r\nbody")) << "no Content-Type";
  std::string many;
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_FALSE(ParseCpim(many + "\r\nContent-Type: text/plain\r\n\r\n"));
}

TEST(ImdnTest, ReadsTheExampleOfTheStandardAndItsOwnWriting) {
  const auto imdn = ParseImdn(kNotification);
  ASSERT_TRUE(imdn);
  EXPECT_EQ(imdn->message_id, "34jk324j");
  EXPECT_EQ(imdn->status, Imdn::Status::kDelivered);
  EXPECT_EQ(imdn->recipient_uri, "im:bob@example.com");
  for (const auto status : {Imdn::Status::kDelivered, Imdn::Status::kDisplayed, Imdn::Status::kFailed}) {
    const auto read = ParseImdn(BuildImdn({"<&\">", "2026-01-01T00:00:00Z", "tel:+34600000001", status}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->status, status);
    EXPECT_EQ(read->message_id, "<&\">");
  }
  EXPECT_FALSE(ParseImdn("<imdn><message-id>x</message-id></imdn>")) << "no status";
  EXPECT_FALSE(ParseImdn("<imdn><status><delivered/></status></imdn>")) << "no id";
  EXPECT_FALSE(ParseImdn("<other/>"));
  EXPECT_FALSE(ParseImdn("<!DOCTYPE x><imdn/>"));
}

std::string Text(std::string_view type, std::string_view body) {
  const PageContent content = ReadPageContent(type, body);
  const auto* text = std::get_if<TextContent>(&content);
  return text == nullptr ? "none" : text->text;
}
int Refusal(std::string_view type, std::string_view body) {
  const PageContent content = ReadPageContent(type, body);
  const auto* unusable = std::get_if<UnusableContent>(&content);
  return unusable == nullptr ? 0 : unusable->status;
}

TEST(PageContentTest, TakesPlainTextInUtf8Only) {
  EXPECT_EQ(Text("text/plain", "hola \xc3\xb1 \xf0\x9f\x98\x80"), "hola \xc3\xb1 \xf0\x9f\x98\x80");
  EXPECT_EQ(Text("Text/Plain; Charset=\"UTF-8\"", "x"), "x");
  EXPECT_EQ(Text("text/plain", std::string_view("a\r\nb\rc\0d\x1b[1m\xc2\x85", 15)), "a\nb\ncd[1m");
  EXPECT_EQ(Refusal("text/plain;charset=iso-8859-1", "x"), 415);
  EXPECT_EQ(Refusal("text/plain", "\xff\xfe"), 400);
  EXPECT_EQ(Refusal("text/html", "<b>x</b>"), 415);
  EXPECT_EQ(Refusal("", "x"), 415);
  EXPECT_EQ(Refusal("message/cpim", "rubbish"), 400);
  EXPECT_EQ(Refusal("message/cpim", "From: <a>\r\n\r\nContent-Type: image/png\r\n\r\nx"), 415);
  EXPECT_EQ(Refusal("message/imdn+xml", "<imdn/>"), 400);
}

TEST(PageContentTest, ReadsReportsWithAndWithoutCpim) {
  EXPECT_TRUE(std::holds_alternative<Imdn>(ReadPageContent("message/imdn+xml", kNotification)));
  const std::string wrapped = BuildCpim({.from = "a:b",
                                         .to = "c:d",
                                         .date_time = {},
                                         .message_id = {},
                                         .wants_delivery = false,
                                         .wants_display = false,
                                         .content_type = "message/imdn+xml",
                                         .body = kNotification});
  EXPECT_TRUE(std::holds_alternative<Imdn>(ReadPageContent("message/cpim", wrapped)));
}

TEST(MessageTextTest, KnowsUtf8AndControls) {
  EXPECT_TRUE(IsMessageText("a\tb\r\nc \xe2\x82\xac \xf0\x9f\x87\xaa\xf0\x9f\x87\xb8"));
  for (const std::string_view bad :
       {std::string_view("\0", 1), std::string_view("\x1b"), std::string_view("\x7f"), std::string_view("\xc0\xaf"),
        std::string_view("\xed\xa0\x80"), std::string_view("\xf5\x80\x80\x80"), std::string_view("\xe2\x82"),
        std::string_view("\xc2\x9b")}) {
    EXPECT_FALSE(IsMessageText(bad));
  }
}

}  // namespace
}  // namespace byon::messaging
