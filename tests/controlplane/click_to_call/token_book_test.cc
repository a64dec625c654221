#include "controlplane/click_to_call/token_book.h"

#include <gtest/gtest.h>

#include "controlplane/auth/sha256.h"
#include "controlplane/click_to_call/token_text.h"
#include "controlplane/store/memory_store.h"

namespace byon::click_to_call {
namespace {

using namespace std::chrono_literals;

// FIPS 180-4 examples.
TEST(Sha256Hex, StandardVectors) {
  EXPECT_EQ(auth::Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(auth::Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(auth::Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(TokenText, OnlyItsOwnFormIsOne) {
  const auto text = TokenText::Parse("byon-visit.north.id-1.s3cret");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->operator_id, "north");
  EXPECT_EQ(text->id, "id-1");
  EXPECT_EQ(text->secret, "s3cret");
  EXPECT_EQ(text->ToString(), "byon-visit.north.id-1.s3cret");
  for (const std::string bad :
       {"", "byon-visit.", "byon-visit.a.b", "byon-visit.a.b.", "byon-visit.a..c", "byon-visit.a.b.c.d",
        "byon-visit.a.b.c ", "byon-visit.a.b.c\n", "eyJ.a.b.c", "BYON-VISIT.a.b.c"}) {
    EXPECT_FALSE(TokenText::Parse(bad)) << bad;
  }
  EXPECT_FALSE(TokenText::Parse("byon-visit.a.b." + std::string(65, 'x')));
}

class TokenBookTest : public testing::Test {
 protected:
  TokenRecord Record(const std::string& id, uint32_t calls = 1) const {
    return {id, auth::Sha256Hex("secret"), "shop", "backend", "Jane", calls, calls, now_ + 5min, now_ + 65min};
  }
  static TokenText Text(const std::string& id, const std::string& secret = "secret") { return {"default", id, secret}; }

  store::MemoryStore store_;
  const WallTime now_ = std::chrono::system_clock::now();
};

TEST_F(TokenBookTest, KnowsATokenByItsSecret) {
  TokenBook book(store_);
  ASSERT_TRUE(book.Add(Record("a"), now_));
  ASSERT_NE(book.Find(Text("a"), now_), nullptr);
  EXPECT_EQ(book.Find(Text("a"), now_)->originator_name, "Jane");
  EXPECT_EQ(book.Find(Text("a", "guess"), now_), nullptr);
  EXPECT_EQ(book.Find(Text("b"), now_), nullptr);
  for (const store::Record& kept : store_.LoadAll(store::Kind::kVisitorToken)) {
    EXPECT_EQ(kept.value.find("\"secret\""), std::string::npos) << "the store has the hash alone";
  }
}

TEST_F(TokenBookTest, AnUnusedTokenEndsEarlyAUsedOneOutlivesItsCall) {
  TokenBook book(store_);
  ASSERT_TRUE(book.Add(Record("unused"), now_));
  ASSERT_TRUE(book.Add(Record("used"), now_));
  book.Spend("used");
  EXPECT_NE(book.Find(Text("unused"), now_ + 5min - 1s), nullptr);
  EXPECT_EQ(book.Find(Text("unused"), now_ + 5min), nullptr);
  EXPECT_NE(book.Find(Text("used"), now_ + 65min - 1s), nullptr);
  EXPECT_EQ(book.Find(Text("used"), now_ + 65min), nullptr);
  // And both are forgotten when somebody comes.
  ASSERT_TRUE(book.Add(Record("later"), now_ + 66min));
  EXPECT_EQ(book.size(), 1u);
}

TEST_F(TokenBookTest, ARestartGivesNoCallsBackAndForgetsNoToken) {
  {
    TokenBook book(store_);
    ASSERT_TRUE(book.Add(Record("a", 2), now_));
    ASSERT_TRUE(book.Add(Record("gone", 2), now_));
    book.Spend("a");
    book.Delete("gone");
    store_.Put(store::Kind::kVisitorToken, "broken", "{", std::nullopt);
  }
  TokenBook book(store_);
  book.Restore(now_);
  ASSERT_NE(book.Find(Text("a"), now_), nullptr);
  EXPECT_EQ(book.FindById("a", now_)->calls_left, 1u);
  EXPECT_EQ(book.size(), 1u);
  book.Spend("a");
  book.Spend("a");
  EXPECT_EQ(book.FindById("a", now_)->calls_left, 0u);
  EXPECT_EQ(store_.LoadAll(store::Kind::kVisitorToken).size(), 1u);
}

// One page that asks for ever more leaves room for others.
TEST_F(TokenBookTest, ACampaignTakesNoMoreThanIsLeft) {
  TokenBook book(store_, 10);
  const auto of = [&](const std::string& campaign, const std::string& id) {
    TokenRecord record = Record(campaign + id);
    record.campaign_id = campaign;
    return record;
  };
  for (size_t i = 0; i < 5; ++i) ASSERT_TRUE(book.Add(of("greedy", std::to_string(i)), now_));
  EXPECT_FALSE(book.Add(of("greedy", "5"), now_));
  EXPECT_TRUE(book.Add(of("other", "0"), now_));
  EXPECT_TRUE(book.Add(of("other", "1"), now_));
  book.Delete("greedy0");
  book.Delete("greedy1");
  EXPECT_TRUE(book.Add(of("greedy", "6"), now_));
  TokenBook again(store_, 10);
  again.Restore(now_);
  EXPECT_FALSE(again.Add(of("greedy", "7"), now_)) << "a restart counts them too";
  EXPECT_TRUE(again.Add(of("third", "0"), now_));
}

TEST_F(TokenBookTest, IsBounded) {
  TokenBook book(store_, 10);
  for (size_t i = 0; i < 10; ++i) {
    TokenRecord record = Record("t" + std::to_string(i));
    record.campaign_id = "campaign" + std::to_string(i);
    ASSERT_TRUE(book.Add(std::move(record), now_));
  }
  EXPECT_FALSE(book.Add(Record("one-more"), now_));
  EXPECT_TRUE(book.Add(Record("one-more"), now_ + 5min)) << "those that were not used have ended";
}

}  // namespace
}  // namespace byon::click_to_call
