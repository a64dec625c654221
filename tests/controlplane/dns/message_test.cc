#include "controlplane/dns/message.h"

#include <gtest/gtest.h>

#include <chrono>

#include "controlplane/dns/answer.h"
#include "controlplane/dns/cache.h"
#include "controlplane/dns/server_list.h"
#include "tests/controlplane/dns/fake_name_server.h"

namespace byon::dns::test {
namespace {

using std::chrono::seconds;

Bytes FromHex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(DnsMessageTest, AQueryIsOneQuestionWithEdns) {
  const auto query = WriteQuery(0x1234, "_sip._udp.IMS.test", RecordType::kSrv);
  ASSERT_TRUE(query);
  EXPECT_EQ(*query, FromHex("123401000001000000000001"
                            "045f736970045f75647003494d53047465737400"
                            "00210001"
                            "00002904d0000000000000"));
  for (const char* name : {"", ".", "a..b", "-a b", "a/b", "sip:x"})
    EXPECT_FALSE(WriteQuery(1, name, RecordType::kA)) << name;
  EXPECT_FALSE(WriteQuery(1, std::string(64, 'a') + ".test", RecordType::kA));
}

// RFC 1035 section 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, compressed. Here as owner and target of
// aliases.
TEST(DnsMessageTest, CompressedNames) {
  const Bytes wire = FromHex(
      "000181800001000200000000"
      "0146034953490441525041000005"
      "0001"
      "03464f4fc00c"
      "00050001"
      "0000003c"
      "0002"
      "c00c"
      "c00c"
      "00010001"
      "0000003c"
      "0004"
      "c0000201");
  const auto message = ParseMessage(wire);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->question_name, "f.isi.arpa");
  ASSERT_EQ(message->answers.size(), 2u);
  EXPECT_EQ(message->answers[0].name, "foo.f.isi.arpa");
  EXPECT_EQ(std::get<Alias>(message->answers[0].data).name, "f.isi.arpa");
  EXPECT_EQ(std::get<Address>(message->answers[1].data).text, "192.0.2.1");
}

TEST(DnsMessageTest, PointersThatDoNotLeadBackAreRefused) {
  // To itself, forward, and two that point at each other.
  for (const char* name : {"c00c", "c010", "c00ec00c", "0161c00c"}) {
    EXPECT_FALSE(ParseMessage(FromHex(std::string("000181800001000000000000") + name + "00010001"))) << name;
  }
  EXPECT_FALSE(ParseMessage(FromHex("00018180000100000000000040000001"))) << "a label type that is none";
}

TEST(DnsMessageTest, LengthsThatDoNotFitAreRefused) {
  WireMessage message{.id = 1,
                      .question = "a.test",
                      .answers = {{"a.test", RecordType::kA, 60, AddressData("192.0.2.1")}},
                      .authorities = {}};
  const Bytes good = Write(message);
  ASSERT_TRUE(ParseMessage(good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParseMessage(base::ByteSpan(good).first(size))) << size;
  }
  message.answers = {{"a.test", RecordType::kA, 60, Bytes(5)}};
  EXPECT_FALSE(ParseMessage(Write(message)));
  message.answers = {{"a.test", RecordType::kSrv, 60, Bytes(6)}};
  EXPECT_FALSE(ParseMessage(Write(message)));
  message.answers.assign(513, {"a.test", RecordType::kA, 60, AddressData("192.0.2.1")});
  EXPECT_FALSE(ParseMessage(Write(message)));
}

// RFC 3263 section 4.1 and RFC 2782: the records of their examples.
TEST(DnsMessageTest, NaptrAndService) {
  const auto message = ParseMessage(
      Write({.id = 7,
             .question = "example.com",
             .type = RecordType::kNaptr,
             .answers = {{"example.com", RecordType::kNaptr, 60,
                          NaptrData(50, 50, "S", "sips+d2t", "_sips._tcp.example.com")},
                         {"example.com", RecordType::kSrv, 0x80000000, ServiceData(0, 1, 5060, "server1.example.com")},
                         {"example.com", RecordType::kSrv, 60, ServiceData(0, 1, 5060, "no host.example.com")},
                         {"exa mple.com", RecordType::kA, 60, AddressData("192.0.2.1")},
                         {"example.com", RecordType::kAaaa, 60, AddressData("2001:db8::1")}},
             .authorities = {}}));
  ASSERT_TRUE(message);
  ASSERT_EQ(message->answers.size(), 3u) << "names that no host has are left out";
  const auto& naptr = std::get<NamingAuthority>(message->answers[0].data);
  EXPECT_EQ(naptr.order, 50);
  EXPECT_EQ(naptr.flags, "s");
  EXPECT_EQ(naptr.service, "SIPS+D2T");
  EXPECT_EQ(naptr.replacement, "_sips._tcp.example.com");
  const auto& service = std::get<Service>(message->answers[1].data);
  EXPECT_EQ(service.port, 5060);
  EXPECT_EQ(service.target, "server1.example.com");
  EXPECT_EQ(message->answers[1].ttl_s, 0u) << "a negative TTL is none (RFC 2181 section 8)";
  EXPECT_EQ(std::get<Address>(message->answers[2].data).text, "2001:db8::1");
}

TEST(DnsAnswerTest, AliasesAreFollowed) {
  WireMessage wire{.question = "a.test",
                   .answers = {{"a.test", RecordType::kCname, 30, NameData("b.test")},
                               {"b.test", RecordType::kCname, 90, NameData("c.test")},
                               {"c.test", RecordType::kA, 60, AddressData("192.0.2.1")}},
                   .authorities = {}};
  Reading reading = ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA);
  EXPECT_EQ(reading.answer.kind, Answer::Kind::kRecords);
  EXPECT_EQ(reading.answer.ttl, seconds(30));
  wire.answers.pop_back();
  EXPECT_EQ(ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA).alias, "c.test");
  // In a circle.
  wire.answers.push_back({"c.test", RecordType::kCname, 30, NameData("a.test")});
  reading = ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA);
  EXPECT_NE(reading.answer.kind, Answer::Kind::kRecords);
}

TEST(DnsAnswerTest, NothingIsKeptAsLongAsTheZoneSays) {
  WireMessage wire{.flags = 0x8183,
                   .question = "a.test",
                   .answers = {},
                   .authorities = {{"test", RecordType::kSoa, 900, SoaData(120)}}};
  Reading reading = ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA);
  EXPECT_EQ(reading.answer.kind, Answer::Kind::kNone);
  EXPECT_EQ(reading.answer.ttl, seconds(120));
  wire.authorities.clear();
  EXPECT_EQ(ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA).answer.ttl, seconds(0));
  wire.flags = 0x8182;
  EXPECT_EQ(ReadAnswer(*ParseMessage(Write(wire)), "a.test", RecordType::kA).answer.kind, Answer::Kind::kFailed);
}

TEST(DnsCacheTest, KeepsAnswersForTheirTime) {
  Cache cache(2);
  const Cache::Time now{seconds(1000)};
  const Answer answer{.kind = Answer::Kind::kNone, .records = {}, .ttl = seconds(60)};
  cache.Insert("a", RecordType::kA, answer, now);
  ASSERT_TRUE(cache.Find("a", RecordType::kA, now + seconds(59)));
  EXPECT_EQ(cache.Find("a", RecordType::kA, now + seconds(59))->ttl, seconds(1));
  EXPECT_FALSE(cache.Find("a", RecordType::kA, now + seconds(60)));
  EXPECT_FALSE(cache.Find("a", RecordType::kAaaa, now));
  cache.Insert("b", RecordType::kA, {.kind = Answer::Kind::kNone, .records = {}, .ttl = seconds(10)}, now);
  cache.Insert("c", RecordType::kA, answer, now);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(cache.Find("b", RecordType::kA, now)) << "the first to end goes";
  cache.Insert("a", RecordType::kA, {}, now);
  EXPECT_FALSE(cache.Find("a", RecordType::kA, now)) << "a failure is not kept";
}

TEST(DnsServerListTest, ReadsResolvConf) {
  const ServerList list = ParseResolvConf(
      "# comment\nsearch ims.test\nnameserver 192.0.2.53\r\n nameserver\t2001:db8::53 \n"
      "nameserver nonsense\noptions ndots:1 timeout:1 attempts:9\n");
  EXPECT_EQ(list.servers, (std::vector<Server>{{"192.0.2.53", 53}, {"2001:db8::53", 53}}));
  EXPECT_EQ(list.timeout, seconds(1));
  EXPECT_EQ(list.attempts, 5u);
  EXPECT_EQ(ParseResolvConf("").servers, (std::vector<Server>{{"127.0.0.1", 53}}));
  EXPECT_EQ(ParseServer("192.0.2.1:5353"), (Server{"192.0.2.1", 5353}));
  EXPECT_EQ(ParseServer("[2001:db8::1]:53"), (Server{"2001:db8::1", 53}));
  for (const char* wrong : {"", ":", "a:53", "192.0.2.1:0", "192.0.2.1:65536", "[2001:db8::1", "[::1]x"}) {
    EXPECT_FALSE(ParseServer(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace byon::dns::test
