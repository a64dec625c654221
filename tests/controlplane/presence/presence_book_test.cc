#include "controlplane/presence/presence_book.h"

#include <gtest/gtest.h>

namespace byon::presence {
namespace {

constexpr char kAlice[] = "+34600000001";
constexpr char kBob[] = "+34600000002";
constexpr char kImpu[] = "sip:+34600000001@ims.test";

class PresenceBookTest : public testing::Test {
 protected:
  void Build(std::vector<Package> watched, std::vector<Package> published) {
    PresenceConfig config;
    config.home_domain = "ims.test";
    config.watched = std::move(watched);
    config.published = std::move(published);
    config.max_watched_per_number = 2;
    book_ = std::make_unique<PresenceBook>(config);
  }
  std::vector<std::string> Actions() {
    std::vector<std::string> words;
    while (auto action = book_->PollAction()) {
      if (auto* start = std::get_if<StartWatch>(&*action))
        words.push_back("watch " + start->id + " " + start->resource_uri);
      if (auto* stop = std::get_if<StopWatch>(&*action)) words.push_back("unwatch " + stop->id);
      if (auto* publish = std::get_if<StartPublication>(&*action)) {
        words.push_back("publish " + publish->id);
        document_ = publish->document;
      }
      if (auto* stop = std::get_if<StopPublication>(&*action)) words.push_back("unpublish " + stop->id);
      if (auto* tell = std::get_if<TellPresence>(&*action)) {
        words.push_back("tell " + tell->number + " " + tell->state.number + " " +
                        std::string(ToString(tell->state.availability)));
      }
      if (auto* persist = std::get_if<PersistWatched>(&*action)) words.push_back("persist " + persist->number);
    }
    return words;
  }
  using Words = std::vector<std::string>;

  std::unique_ptr<PresenceBook> book_;
  std::string document_;
  WallTime now_{std::chrono::hours(500000)};
};

std::string Dialogs(const std::string& state) {
  return "<dialog-info state=\"full\"><dialog id=\"1\" call-id=\"c\" local-tag=\"l\" remote-tag=\"r\"><state>" + state +
         "</state><remote><identity>sip:+34600000009@x</identity></remote></dialog></dialog-info>";
}

// Nobody takes a number for free whose call outlived a restart.
TEST_F(PresenceBookTest, ARestoredNumberIsPublishedWithItsCall) {
  Build({}, {Package::kDialog});
  DialogEntry call;
  call.id = "1";
  call.phase = DialogPhase::kConfirmed;
  book_->RestoreCall(kAlice, call);
  call.id = "2";
  call.phase = DialogPhase::kTerminated;
  book_->RestoreCall(kAlice, call);
  EXPECT_EQ(Actions(), Words{});
  book_->OnLineUp(kAlice, kImpu);
  EXPECT_EQ(Actions(), Words{"publish state/+34600000001/dialog"});
  EXPECT_NE(document_.find("confirmed"), std::string::npos);
  EXPECT_EQ(document_.find("id=\"2\""), std::string::npos);
  // It ends as any other.
  call.id = "1";
  book_->OnCall(kAlice, call);
  EXPECT_EQ(Actions(), Words{"publish state/+34600000001/dialog"});
  EXPECT_EQ(document_.find("confirmed"), std::string::npos);
}

TEST_F(PresenceBookTest, WatchesItsOwnNumberWhileRegistered) {
  Build({Package::kDialog}, {});
  book_->OnLineUp(kAlice, kImpu);
  const std::string id = "watch/+34600000001/+34600000001/dialog";
  EXPECT_EQ(Actions(), Words{"watch " + id + " " + kImpu});
  book_->OnDocument(id, Dialogs("early"), now_);
  EXPECT_EQ(Actions(), Words{"tell +34600000001 +34600000001 ringing"});
  book_->OnDocument(id, Dialogs("confirmed"), now_);
  EXPECT_EQ(Actions(), Words{"tell +34600000001 +34600000001 on-the-phone"});
  book_->OnDocument(id, Dialogs("confirmed"), now_);
  EXPECT_EQ(Actions(), Words{}) << "nothing new";
  ASSERT_EQ(book_->OwnState(kAlice).dialogs.size(), 1u);
  EXPECT_EQ(book_->OwnState(kAlice).dialogs[0].call_id, "c");
  book_->OnDocument(id, "<rubbish", now_);
  EXPECT_EQ(book_->malformed_documents(), 1u);
  book_->OnInterrupted(id, now_);
  EXPECT_EQ(Actions(), Words{"tell +34600000001 +34600000001 unknown"});
  book_->OnLineDown(kAlice);
  EXPECT_EQ(Actions(), Words{"unwatch " + id});
}

TEST_F(PresenceBookTest, WatchesOthersWithoutTellingWhomTheyTalkTo) {
  Build({Package::kPresence, Package::kDialog}, {});
  book_->OnLineUp(kAlice, kImpu);
  Actions();
  EXPECT_TRUE(book_->Watch(kAlice, kBob));
  const std::string presence = "watch/+34600000001/+34600000002/presence";
  const std::string dialog = "watch/+34600000001/+34600000002/dialog";
  EXPECT_EQ(Actions(), (Words{"persist +34600000001", "watch " + presence + " sip:+34600000002@ims.test",
                              "watch " + dialog + " sip:+34600000002@ims.test"}));
  EXPECT_TRUE(book_->Watch(kAlice, kBob));
  EXPECT_EQ(Actions(), Words{});
  book_->OnDocument(presence, "<presence><tuple><basic>open</basic></tuple></presence>", now_);
  EXPECT_EQ(Actions(), Words{"tell +34600000001 +34600000002 available"});
  book_->OnDocument(dialog, Dialogs("confirmed"), now_);
  EXPECT_EQ(Actions(), Words{"tell +34600000001 +34600000002 on-the-phone"});
  EXPECT_TRUE(book_->WatchedStates(kAlice)[0].dialogs.empty());
  book_->OnRefused(dialog, now_);
  EXPECT_EQ(Actions(), (Words{"unwatch " + dialog, "tell +34600000001 +34600000002 available"}));
  EXPECT_FALSE(book_->WatchedStates(kAlice)[0].is_refused) << "one package is left";
  book_->OnRefused(presence, now_);
  EXPECT_TRUE(book_->WatchedStates(kAlice)[0].is_refused);
  Actions();
  // A refused one is not tried again by each refresh of the registration.
  book_->OnLineUp(kAlice, kImpu);
  for (const std::string& action : Actions()) EXPECT_EQ(action.find("/+34600000002/"), std::string::npos) << action;
  EXPECT_TRUE(book_->Watch(kAlice, "+34600000003"));
  EXPECT_FALSE(book_->Watch(kAlice, "+34600000004")) << "as many as may be";
  EXPECT_TRUE(book_->Unwatch(kAlice, kBob));
  EXPECT_FALSE(book_->Unwatch(kAlice, kBob));
}

TEST_F(PresenceBookTest, WatchedNumbersOutliveRegistrations) {
  Build({Package::kPresence}, {});
  book_->Restore(kAlice, {kBob});
  EXPECT_EQ(book_->WatchedStates(kAlice).size(), 1u);
  EXPECT_EQ(Actions(), Words{});
  book_->OnLineUp(kAlice, kImpu);
  EXPECT_EQ(Actions().size(), 2u);
  book_->OnLineDown(kAlice);
  EXPECT_EQ(book_->Watched(kAlice), std::set<std::string>{kBob});
}

TEST_F(PresenceBookTest, PublishesItsCalls) {
  Build({}, {Package::kPresence});
  EXPECT_FALSE(book_->can_watch());
  book_->OnLineUp(kAlice, kImpu);
  EXPECT_EQ(Actions(), Words{"publish state/+34600000001/presence"});
  EXPECT_FALSE(ParsePidf(document_)->Has("on-the-phone"));
  book_->OnCall(kAlice, {.id = "1", .phase = DialogPhase::kConfirmed});
  EXPECT_EQ(Actions(), Words{"publish state/+34600000001/presence"});
  EXPECT_TRUE(ParsePidf(document_)->Has("on-the-phone"));
  book_->OnCall(kAlice, {.id = "1", .phase = DialogPhase::kTerminated});
  Actions();
  EXPECT_FALSE(ParsePidf(document_)->Has("on-the-phone"));
  book_->OnCall(kAlice, {.id = "1", .phase = DialogPhase::kTerminated});
  EXPECT_EQ(Actions(), Words{});
  book_->OnLineDown(kAlice);
  EXPECT_EQ(Actions(), Words{"unpublish state/+34600000001/presence"});
}

TEST_F(PresenceBookTest, PublishesDialogInfo) {
  Build({}, {Package::kDialog});
  book_->OnLineUp(kAlice, kImpu);
  book_->OnCall(kAlice,
                {.id = "9", .is_initiator = true, .phase = DialogPhase::kEarly, .remote_uri = "tel:+34600000002"});
  Actions();
  const auto info = ParseDialogInfo(document_);
  ASSERT_TRUE(info);
  ASSERT_EQ(info->dialogs.size(), 1u);
  EXPECT_EQ(info->entity, kImpu);
  EXPECT_EQ(info->dialogs[0].local_uri, kImpu);
  EXPECT_EQ(info->dialogs[0].remote_uri, "tel:+34600000002");
  EXPECT_EQ(info->dialogs[0].phase, DialogPhase::kEarly);
}

}  // namespace
}  // namespace byon::presence
