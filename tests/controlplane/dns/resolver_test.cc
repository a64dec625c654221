// The resolver before a name server of the test.
#include "controlplane/dns/resolver.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/controlplane/dns/fake_name_server.h"

namespace byon::dns::test {
namespace {

using std::chrono::milliseconds;

class ResolverTest : public ::testing::Test {
 protected:
  void Start(unsigned attempts = 1, std::vector<Server> before = {}) {
    ServerList list{.servers = std::move(before), .timeout = milliseconds(300), .attempts = attempts};
    list.servers.push_back({"127.0.0.1", server_.port()});
    resolver_ = std::make_unique<Resolver>(io_.get_executor(), list);
  }
  Answer Ask(const std::string& name, RecordType type = RecordType::kA) {
    std::optional<Answer> result;
    resolver_->Resolve(name, type, [&](const Answer& answer) { result = answer; });
    EXPECT_FALSE(result) << "never at once";
    while (!result && io_.run_one_for(std::chrono::seconds(20)) > 0) {
    }
    io_.restart();
    EXPECT_TRUE(result);
    return result.value_or(Answer());
  }
  static std::string AddressIn(const Answer& answer) {
    return answer.records.empty() ? "" : std::get<Address>(answer.records.front().data).text;
  }

  FakeNameServer server_;
  boost::asio::io_context io_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, AsksOnceAndKeepsTheAnswer) {
  server_.Add("a.test", RecordType::kA, 60, AddressData("192.0.2.1"));
  Start();
  const Answer answer = Ask("A.test");
  EXPECT_EQ(AddressIn(answer), "192.0.2.1");
  EXPECT_EQ(answer.ttl, std::chrono::seconds(60));
  EXPECT_EQ(AddressIn(Ask("a.test")), "192.0.2.1");
  EXPECT_EQ(server_.queries(), 1u);
  EXPECT_EQ(Ask("b.test").kind, Answer::Kind::kNone);
  EXPECT_EQ(Ask("not a name").kind, Answer::Kind::kFailed);
}

TEST_F(ResolverTest, TheSameQuestionAtTheSameTimeIsAskedOnce) {
  server_.Add("a.test", RecordType::kA, 0, AddressData("192.0.2.1"));
  Start();
  int answers = 0;
  resolver_->Resolve("a.test", RecordType::kA, [&](const Answer&) { ++answers; });
  resolver_->Resolve("a.test", RecordType::kA, [&](const Answer&) { ++answers; });
  while (answers < 2 && io_.run_one_for(std::chrono::seconds(20)) > 0) {
  }
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(server_.queries(), 1u);
}

TEST_F(ResolverTest, WhatIsCutOffComesByTcp) {
  server_.Add("a.test", RecordType::kA, 60, AddressData("192.0.2.1"));
  server_.on_datagram = [](WireMessage message) {
    message.flags |= 0x0200;
    message.answers.clear();
    return Write(message);
  };
  Start();
  EXPECT_EQ(AddressIn(Ask("a.test")), "192.0.2.1");
  EXPECT_EQ(server_.streams(), 1u);
}

TEST_F(ResolverTest, FollowsAliasesOutOfTheMessage) {
  server_.Set("a.test", RecordType::kA, {{"a.test", RecordType::kCname, 20, NameData("b.test")}});
  server_.Set("b.test", RecordType::kA, {{"b.test", RecordType::kCname, 60, NameData("c.test")}});
  server_.Add("c.test", RecordType::kA, 60, AddressData("192.0.2.1"));
  server_.Set("loop.test", RecordType::kA, {{"loop.test", RecordType::kCname, 20, NameData("pool.test")}});
  server_.Set("pool.test", RecordType::kA, {{"pool.test", RecordType::kCname, 20, NameData("loop.test")}});
  Start();
  const Answer answer = Ask("a.test");
  EXPECT_EQ(AddressIn(answer), "192.0.2.1");
  EXPECT_EQ(answer.ttl, std::chrono::seconds(20));
  EXPECT_NE(Ask("loop.test").kind, Answer::Kind::kRecords);
}

TEST_F(ResolverTest, ASilentServerIsLeftForTheNext) {
  FakeNameServer silent;
  silent.is_silent = true;
  server_.Add("a.test", RecordType::kA, 60, AddressData("192.0.2.1"));
  Start(1, {{"127.0.0.1", silent.port()}});
  EXPECT_EQ(AddressIn(Ask("a.test")), "192.0.2.1");
  EXPECT_EQ(silent.queries(), 1u);
}

TEST_F(ResolverTest, NobodyAnswers) {
  server_.is_silent = true;
  Start(2);
  EXPECT_EQ(Ask("a.test").kind, Answer::Kind::kFailed);
  EXPECT_EQ(server_.queries(), 2u);
}

TEST_F(ResolverTest, AServerThatCannotSayIsLeftForTheNext) {
  FakeNameServer broken;
  broken.on_datagram = [](WireMessage message) {
    message.flags = 0x8182;
    return Write(message);
  };
  server_.Add("a.test", RecordType::kA, 60, AddressData("192.0.2.1"));
  Start(1, {{"127.0.0.1", broken.port()}});
  EXPECT_EQ(AddressIn(Ask("a.test")), "192.0.2.1");
  EXPECT_EQ(resolver_->dropped(DropReason::kServerFailure), 1u);
}

// Answers that are not to this question do not end the wait for the one that is.
TEST_F(ResolverTest, WhatDoesNotAnswerIsDropped) {
  const struct {
    DropReason reason;
    std::function<Bytes(WireMessage)> change;
  } cases[] = {{DropReason::kWrongId,
                [](WireMessage message) {
                  ++message.id;
                  return Write(message);
                }},
               {DropReason::kWrongQuestion,
                [](WireMessage message) {
                  message.question = "other.test";
                  return Write(message);
                }},
               {DropReason::kNotAResponse,
                [](WireMessage message) {
                  message.flags = 0x0100;
                  return Write(message);
                }},
               {DropReason::kMalformed, [](WireMessage) { return Bytes(7); }}};
  for (const auto& one : cases) {
    server_.on_datagram = one.change;
    Start();
    EXPECT_EQ(Ask("a.test").kind, Answer::Kind::kFailed);
    EXPECT_EQ(resolver_->dropped(one.reason), 1u) << ToString(one.reason);
  }
}

TEST_F(ResolverTest, NobodyIsToldAfterTheEnd) {
  server_.is_silent = true;
  Start();
  resolver_->Resolve("a.test", RecordType::kA, [](const Answer&) { ADD_FAILURE(); });
  io_.poll();
  resolver_->Resolve("no name", RecordType::kA, [](const Answer&) { ADD_FAILURE(); });
  resolver_.reset();
  io_.run_for(milliseconds(400));
}

}  // namespace
}  // namespace byon::dns::test
