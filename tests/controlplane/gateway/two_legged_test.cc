// A server with a token of its own: it acts for many numbers, which stay apart all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/gateway/gateway.h"
#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAlice[] = "+34600000001";
constexpr char kBob[] = "+34600000005";

class TwoLeggedTest : public ::testing::Test {
 protected:
  // The id of a number's registration on a device.
  std::string Registered(const std::string& number, const std::string& device) {
    std::string id;
    w_.gateway->CreateRegistration(server_, {device, number, {}}, [&](Outcome<Registration> outcome) {
      id = std::get<Registration>(outcome).registration_id;
    });
    w_.GrantRegistration();
    return id;
  }
  std::string ConnectedCall(const std::string& registration_id, const std::string& number) {
    CallRequest request = w_.Request();
    request.registration_id = registration_id;
    request.originator_address = "tel:" + number;
    w_.gateway->CreateCall(server_, request, [](auto) {});
    const std::string id = w_.media.created.back().first;
    w_.media.Ready(id);
    w_.gateway->OnAnswered(id, "A", call::PhoneSdp());
    w_.gateway->OnAccessConnected(id);
    return id;
  }
  std::vector<std::string> Elsewhere(const Principal& who, const std::string& device) {
    std::vector<std::string> ids;
    for (size_t first = 0;; ++first) {  // one by one
      const CallElsewherePage page = w_.gateway->ListElsewhere(who, device, first, 1);
      for (const CallElsewhere& one : page.calls) ids.push_back(one.session.media_session_id);
      if (ids.size() >= page.total) return ids;
    }
  }
  // The new session's id, or the error's code.
  std::variant<std::string, ErrorCode> Pull(const Principal& who, const std::string& call,
                                            const std::string& registration) {
    std::variant<std::string, ErrorCode> result = ErrorCode::kInternal;
    w_.gateway->PullCall(who, {call, registration, sdp::kChromiumOffer}, [&](Outcome<MediaSession> outcome) {
      if (const auto* error = std::get_if<Error>(&outcome)) {
        result = error->code;
      } else {
        result = std::get<MediaSession>(outcome).media_session_id;
      }
    });
    if (result == std::variant<std::string, ErrorCode>(ErrorCode::kInternal) && !w_.media.created.empty()) {
      w_.media.Ready(w_.media.created.back().first);
    }
    return result;
  }

  World w_;
  Principal server_{.client_id = "server", .is_two_legged = true, .token_expires_at = w_.user.token_expires_at};
  Principal stranger_{.client_id = "another", .is_two_legged = true, .token_expires_at = w_.user.token_expires_at};
};

TEST_F(TwoLeggedTest, ADeviceIsOfferedTheCallsOfItsNumberOnly) {
  const std::string alices = Registered(kAlice, "A");
  Registered(kAlice, "B");
  Registered(kBob, "C");
  const std::string call = ConnectedCall(alices, kAlice);
  EXPECT_THAT(Elsewhere(server_, "B"), ElementsAre(call));
  EXPECT_THAT(Elsewhere(server_, "A"), IsEmpty()) << "it is here";
  EXPECT_THAT(Elsewhere(server_, "C"), IsEmpty()) << "another number's";
  EXPECT_THAT(Elsewhere(server_, "unknown"), IsEmpty());
  EXPECT_THAT(Elsewhere(server_, ""), IsEmpty()) << "none is on a phone";
  EXPECT_THAT(Elsewhere(stranger_, "B"), IsEmpty());
}

TEST_F(TwoLeggedTest, ACallGoesToAnotherDeviceOfItsNumberOnly) {
  const std::string alices = Registered(kAlice, "A");
  const std::string second = Registered(kAlice, "B");
  const std::string bobs = Registered(kBob, "C");
  const std::string call = ConnectedCall(alices, kAlice);
  EXPECT_EQ(std::get<ErrorCode>(Pull(server_, call, bobs)), ErrorCode::kInvalidTokenContext);
  EXPECT_EQ(std::get<ErrorCode>(Pull(stranger_, call, second)), ErrorCode::kNotFound);
  EXPECT_EQ(std::get<ErrorCode>(Pull(server_, "nothing", second)), ErrorCode::kNotFound);
  const size_t sessions = w_.media.created.size();
  Pull(server_, call, second);
  EXPECT_EQ(w_.media.created.size(), sessions + 1) << "media for the device that takes it over";
}

TEST_F(TwoLeggedTest, ACallMovesToThePhoneOfItsNumber) {
  const std::string alices = Registered(kAlice, "A");
  Registered(kBob, "C");
  const std::string call = ConnectedCall(alices, kAlice);
  const auto code_of = [&](const Principal& who, const std::string& id) {
    std::optional<ErrorCode> code;
    w_.gateway->TransferCall(who, id, {"tel:" + std::string(kAlice)}, [&](Outcome<MediaSession> outcome) {
      if (const auto* error = std::get_if<Error>(&outcome)) code = error->code;
    });
    return code;
  };
  EXPECT_EQ(code_of(stranger_, call), ErrorCode::kNotFound);
  const size_t invites = w_.sip.invites.size();
  EXPECT_EQ(code_of(server_, call), std::nullopt);
  w_.media.Ready(w_.media.created.back().first);
  ASSERT_EQ(w_.sip.invites.size(), invites + 1);
  EXPECT_NE(w_.sip.invites.back().target_uri.find(kAlice), std::string::npos);
  EXPECT_EQ(code_of(server_, call), ErrorCode::kIncompatibleState) << "it is being moved already";
  std::optional<Outcome<Done>> cancelled;
  w_.gateway->CancelTransfer(stranger_, call, [&](Outcome<Done> outcome) { cancelled = outcome; });
  EXPECT_EQ(std::get<Error>(*cancelled).code, ErrorCode::kNotFound);
  w_.gateway->CancelTransfer(server_, call, [&](Outcome<Done> outcome) { cancelled = outcome; });
  EXPECT_TRUE(std::holds_alternative<Done>(*cancelled));
}

TEST_F(TwoLeggedTest, ItsRegistrationsAreReadPageByPage) {
  for (int i = 0; i < 7; ++i) Registered("+3460000002" + std::to_string(i), "D");
  const RegistrationPage page = w_.gateway->ListRegistrationPage(server_, 4, 2);
  EXPECT_EQ(page.total, 7u);
  EXPECT_EQ(page.registrations.size(), 2u);
  EXPECT_EQ(w_.gateway->ListRegistrationPage(server_, 6, 100).registrations.size(), 1u);
  EXPECT_EQ(w_.gateway->ListRegistrationPage(stranger_, 0, 100).total, 0u);
}

}  // namespace
}  // namespace byon::gateway
