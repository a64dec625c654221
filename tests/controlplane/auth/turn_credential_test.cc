#include "controlplane/auth/turn_credential.h"

#include <gtest/gtest.h>

namespace byon::auth {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

const system_clock::time_point kEnd{seconds(1'732'300'000)};

// The password was computed with: printf %s USERNAME | openssl dgst -sha1 -hmac north -binary | base64
TEST(TurnCredential, IsWhatTheRelayComputes) {
  const TurnCredential credential = MakeTurnCredential("north", "web\nalice", kEnd);
  EXPECT_EQ(credential.username, "1732300000:APHHbWWgCxXhg7tqXQAw0Q");
  EXPECT_EQ(credential.password, "Mfb1OvQgbhwnTW1gfjYw6aaNVV8=");
}

TEST(TurnCredential, TellsUsersApartAndKnowsThemAgain) {
  const auto pseudonym = [](const std::string& user, seconds later) {
    return MakeTurnCredential("north", user, kEnd + later).username.substr(10);
  };
  EXPECT_EQ(pseudonym("alice", seconds(0)), pseudonym("alice", seconds(1000)));
  EXPECT_NE(pseudonym("alice", seconds(0)), pseudonym("bob", seconds(0)));
}

}  // namespace
}  // namespace byon::auth
