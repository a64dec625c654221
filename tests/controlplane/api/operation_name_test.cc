#include "controlplane/api/operation_name.h"

#include <gtest/gtest.h>

namespace byon::api {
namespace {

TEST(OperationNameTest, IsTheSameInEveryRelease) {
  for (const char* version : {"v0.4", "v0.4rc1", "v0.3"}) {
    const std::string calls = "/webrtc-call-handling/" + std::string(version) + "/sessions";
    EXPECT_EQ(OperationName("POST", calls, ""), "call.create");
    EXPECT_EQ(OperationName("GET", calls + "/0b3f", ""), "call.get");
    EXPECT_EQ(OperationName("PUT", calls + "/0b3f/status", ""), "call.status");
    EXPECT_EQ(OperationName("PUT", calls + "/0b3f", ""), "call.status") << "as the flow documents have it";
  }
  EXPECT_EQ(OperationName("POST", "/webrtc-events/v0.2/subscriptions", ""), "subscription.create");
  EXPECT_EQ(OperationName("DELETE", "/webrtc-events-subscriptions/v0.3/subscriptions/x", ""), "subscription.delete");
  EXPECT_EQ(OperationName("GET", "/camara/byon/v1/presence/%2B34600000002", "/camara"), "presence.get");
  EXPECT_EQ(OperationName("GET", "/readyz", ""), "health");
}

TEST(OperationNameTest, WhatIsNoOperationHasOneName) {
  for (const char* path : {"", "/", "//", "/x", "/byon/v1/calls/a/b/c", "/webrtc-call-handling/latest/sessions",
                           "/webrtc-call-handling/v0.4/sessions/", "/byon/v1/messages/x/unread", "byon"}) {
    EXPECT_EQ(OperationName("PATCH", path, ""), "other") << path;
    EXPECT_EQ(OperationName("GET", path, "/camara"), "other") << path;
  }
  EXPECT_EQ(OperationName("BREW", "/readyz", ""), "other");
}

}  // namespace
}  // namespace byon::api
