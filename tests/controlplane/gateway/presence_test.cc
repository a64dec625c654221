// What the network is told of the calls of a number.
#include "controlplane/gateway/presence.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

class FakeEventSignaling final : public presence::EventSignaling {
 public:
  std::vector<std::string> documents;
  void Watch(presence::WatchRequest) override {}
  void Unwatch(const std::string&) override {}
  void Publish(presence::Publication publication) override { documents.push_back(std::move(publication.document)); }
  void Unpublish(const std::string&) override {}
};

presence::PresenceConfig Published() {
  presence::PresenceConfig config;
  config.published = {presence::Package::kPresence};
  return config;
}

TEST(GatewayPresenceTest, WhoHasTakenTheCallToThePhoneIsOnThePhone) {  // Covers: C22
  World w;
  FakeEventSignaling signaling;
  Presence presence(Published(), {signaling, *w.gateway, w.store, w.events, w.clock});
  w.gateway->AddLineObserver(&presence);
  w.events.next = &presence;
  w.Registered();
  const auto says_talking = [&] {
    return !signaling.documents.empty() && signaling.documents.back().find("on-the-phone") != std::string::npos;
  };
  const std::string id = w.ConnectedCall();
  EXPECT_TRUE(says_talking());
  const size_t told = signaling.documents.size();
  w.gateway->TransferCall(w.user, id, {}, [](auto) {});
  const std::string leg = w.media.created.back().first;
  w.media.Ready(leg);
  w.gateway->OnAnswered(leg, "P", call::PhoneSdp());
  EXPECT_EQ(w.events.texts.back().substr(0, 17), "status Terminated");
  EXPECT_EQ(signaling.documents.size(), told) << "nothing has changed for whoever watches the number";
  w.gateway->OnEnded(id, {});
  EXPECT_FALSE(says_talking());
}

}  // namespace
}  // namespace byon::gateway
