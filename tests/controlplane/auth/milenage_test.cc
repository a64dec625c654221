#include "controlplane/auth/milenage.h"

#include <gtest/gtest.h>

#include "controlplane/auth/digest.h"
#include "controlplane/auth/software_isim.h"
#include "tests/controlplane/auth/aka_network.h"

namespace byon::auth {
namespace {

using test::AkaNetwork;
using test::Hex;

// TS 35.207 section 4 (f1 to f5*): the six test sets.
struct TestSet {
  const char* k;
  const char* rand;
  const char* sqn;
  const char* amf;
  const char* op;
  const char* opc;
  const char* f1;
  const char* f1_star;
  const char* f2;
  const char* f5;
  const char* f3;
  const char* f4;
  const char* f5_star;
};
constexpr TestSet kSets[] = {
    {"465b5ce8b199b49faa5f0a2ee238a6bc", "23553cbe9637a89d218ae64dae47bf35", "ff9bb4d0b607", "b9b9",
     "cdc202d5123e20f62b6d676ac72cb318", "cd63cb71954a9f4e48a5994e37a02baf", "4a9ffac354dfafb3", "01cfaf9ec4e871e9",
     "a54211d5e3ba50bf", "aa689c648370", "b40ba9a3c58b2a05bbf0d987b21bf8cb", "f769bcd751044604127672711c6d3441",
     "451e8beca43b"},
    {"0396eb317b6d1c36f19c1c84cd6ffd16", "c00d603103dcee52c4478119494202e8", "fd8eef40df7d", "af17",
     "ff53bade17df5d4e793073ce9d7579fa", "53c15671c60a4b731c55b4a441c0bde2", "5df5b31807e258b0", "a8c016e51ef4a343",
     "d3a628ed988620f0", "c47783995f72", "58c433ff7a7082acd424220f2b67c556", "21a8c1f929702adb3e738488b9f5c5da",
     "30f1197061c1"},
    {"fec86ba6eb707ed08905757b1bb44b8f", "9f7c8d021accf4db213ccff0c7f71a6a", "9d0277595ffc", "725c",
     "dbc59adcb6f9a0ef735477b7fadf8374", "1006020f0a478bf6b699f15c062e42b3", "9cabc3e99baf7281", "95814ba2b3044324",
     "8011c48c0c214ed2", "33484dc2136b", "5dbdbb2954e8f3cde665b046179a5098", "59a92d3b476a0443487055cf88b2307b",
     "deacdd848cc6"},
    {"9e5944aea94b81165c82fbf9f32db751", "ce83dbc54ac0274a157c17f80d017bd6", "0b604a81eca8", "9e09",
     "223014c5806694c007ca1eeef57f004f", "a64a507ae1a2a98bb88eb4210135dc87", "74a58220cba84c49", "ac2cc74a96871837",
     "f365cd683cd92e96", "f0b9c08ad02e", "e203edb3971574f5a94b0d61b816345d", "0c4524adeac041c4dd830d20854fc46b",
     "6085a86c6f63"},
    {"4ab1deb05ca6ceb051fc98e77d026a84", "74b0cd6031a1c8339b2b6ce2b8c4a186", "e880a1b580b6", "9f07",
     "2d16c5cd1fdf6b22383584e3bef2a8d8", "dcf07cbd51855290b92a07a9891e523e", "49e785dd12626ef2", "9e85790336bb3fa2",
     "5860fc1bce351e7e", "31e11a609118", "7657766b373d1c2138f307e3de9242f9", "1c42e960d89b8fa99f2744e0708ccb53",
     "fe2555e54aa9"},
    {"6c38a116ac280c454f59332ee35c8c4f", "ee6466bc96202c5a557abbeff8babf63", "414b98222181", "4464",
     "1ba00a1a7c6700ac8c3ff3e96ad08725", "3803ef5363b947c6aaa225e58fae3934", "078adfb488241a57", "80246b8d0186bcf1",
     "16c8233f05a0ac28", "45b0f69ab06c", "3f8c7587fe8e4b233af676aede30ba3b", "a7466cc1e6b2a1337d49d3b66e95d7b4",
     "1f53cd2b1113"},
};

TEST(MilenageTest, Ts35207TestSets) {  // Covers: R4
  for (const TestSet& set : kSets) {
    const auto k = Hex<16>(set.k);
    EXPECT_EQ(DeriveOpc(Hex<16>(set.op), k), Hex<16>(set.opc));
    const Milenage milenage(k, Hex<16>(set.opc), Hex<16>(set.rand));
    EXPECT_EQ(milenage.NetworkMac(Hex<6>(set.sqn), Hex<2>(set.amf)), Hex<8>(set.f1));
    EXPECT_EQ(milenage.ResyncMac(Hex<6>(set.sqn), Hex<2>(set.amf)), Hex<8>(set.f1_star));
    EXPECT_EQ(milenage.Response(), Hex<8>(set.f2));
    EXPECT_EQ(milenage.CipherKey(), Hex<16>(set.f3));
    EXPECT_EQ(milenage.IntegrityKey(), Hex<16>(set.f4));
    EXPECT_EQ(milenage.AnonymityKey(), Hex<6>(set.f5));
    EXPECT_EQ(milenage.ResyncAnonymityKey(), Hex<6>(set.f5_star));
  }
}

class SoftwareIsimTest : public ::testing::Test {
 protected:
  AkaAnswer::Outcome Try(uint64_t sqn) { return isim_.Authenticate(network_.Challenge(sqn)).outcome; }

  AkaNetwork network_;
  SoftwareIsim isim_{network_.keys};
};

TEST_F(SoftwareIsimTest, AnswersAFreshChallengeOfItsNetwork) {
  const AkaAnswer answer = isim_.Authenticate(network_.Challenge(33));
  EXPECT_EQ(answer.outcome, AkaAnswer::Outcome::kAccepted);
  EXPECT_EQ(answer.bytes, network_.expected_response());
  EXPECT_EQ(isim_.highest_sequence_number(), 33U);
}

TEST_F(SoftwareIsimTest, AChallengeSignedWithAnotherKeyIsNotTheNetworks) {
  AkaNetwork stranger;
  stranger.keys.k[0] ^= 1;
  EXPECT_EQ(isim_.Authenticate(stranger.Challenge(33)).outcome, AkaAnswer::Outcome::kNotTheNetwork);
  AkaChallenge touched = network_.Challenge(33);
  touched.autn[6] ^= 1;  // AMF is signed too
  EXPECT_EQ(isim_.Authenticate(touched).outcome, AkaAnswer::Outcome::kNotTheNetwork);
  EXPECT_EQ(isim_.highest_sequence_number(), 0U) << "and changes nothing";
}

TEST_F(SoftwareIsimTest, ARepeatedChallengeIsOutOfSyncAndTellsWhatTheCardHas) {
  EXPECT_EQ(Try(33 * 40), AkaAnswer::Outcome::kAccepted);
  const AkaChallenge old = network_.Challenge(33 * 40);
  const AkaAnswer answer = isim_.Authenticate(old);
  ASSERT_EQ(answer.outcome, AkaAnswer::Outcome::kOutOfSync);
  EXPECT_EQ(network_.SequenceNumberOf(old, answer.bytes), 33U * 40);
}

// Annex C.2.2: vectors of other indices may be older, not those of the same one.
TEST_F(SoftwareIsimTest, EachIndexCountsByItself) {
  EXPECT_EQ(Try(10 << 5 | 1), AkaAnswer::Outcome::kAccepted);
  EXPECT_EQ(Try(9 << 5 | 2), AkaAnswer::Outcome::kAccepted);
  EXPECT_EQ(Try(9 << 5 | 1), AkaAnswer::Outcome::kOutOfSync);
  EXPECT_EQ(Try(9 << 5 | 2), AkaAnswer::Outcome::kOutOfSync);
  EXPECT_EQ(isim_.highest_sequence_number(), 10U << 5 | 1);
}

TEST_F(SoftwareIsimTest, ALeapThatWouldWearTheNumbersOutIsRefused) {
  EXPECT_EQ(Try(uint64_t{1} << 46), AkaAnswer::Outcome::kAccepted) << "a fresh card takes the network's count";
  EXPECT_EQ(Try((uint64_t{1} << 46) + (uint64_t{1} << 33) + 32), AkaAnswer::Outcome::kOutOfSync);
  EXPECT_EQ(Try((uint64_t{1} << 46) + (uint64_t{1} << 33)), AkaAnswer::Outcome::kAccepted);
}

TEST_F(SoftwareIsimTest, ARestoredCardTakesNothingOld) {
  isim_.Restore(33 * 100);
  EXPECT_EQ(Try(33 * 99), AkaAnswer::Outcome::kOutOfSync);
  EXPECT_EQ(Try(33 * 101), AkaAnswer::Outcome::kAccepted);
  isim_.Restore(5);
  EXPECT_EQ(isim_.highest_sequence_number(), 33U * 101) << "never backwards";
}

TEST(AkaNonceTest, BothHalvesAndServerData) {
  // 0x00..0x1f, then two bytes of server data.
  const auto challenge = ParseAkaNonce("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh/urg==");
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->rand, Hex<16>("000102030405060708090a0b0c0d0e0f"));
  EXPECT_EQ(challenge->autn, Hex<16>("101112131415161718191a1b1c1d1e1f"));
  EXPECT_TRUE(ParseAkaNonce("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
  for (const char* bad :
       {"", "n1", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd Hh8=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH===", "===="}) {
    EXPECT_FALSE(ParseAkaNonce(bad)) << bad;
  }
  EXPECT_FALSE(ParseAkaNonce(std::string(2000, 'A')));
}

TEST(AkaDigestTest, TheResponseIsMd5WithResAsPassword) {
  AkaNetwork network;
  const std::string nonce = network.Nonce(33);
  DigestSession session(
      *ParseDigestChallenge("Digest realm=\"r\",nonce=\"" + nonce + "\",algorithm=AKAv1-MD5,qop=\"auth\""));
  const std::string header = session.Authorize("REGISTER", "sip:r", "u", network.expected_response(), "c");
  EXPECT_NE(header.find(",algorithm=AKAv1-MD5"), std::string::npos);
  const auto md5 = [](const std::string& text) { return DigestHex(DigestAlgorithm::kMd5, text); };
  const std::string expected =
      md5(md5("u:r:" + network.expected_response()) + ":" + nonce + ":00000001:c:auth:" + md5("REGISTER:sip:r"));
  EXPECT_NE(header.find("response=\"" + expected + "\""), std::string::npos) << header;

  const std::string resync = session.AuthorizeResync("REGISTER", "sip:r", "u", std::string(14, '\1'), "c");
  EXPECT_NE(resync.find(",auts=\"AQEBAQEBAQEBAQEBAQE=\""), std::string::npos) << resync;
  EXPECT_NE(session.RefuseChallenge("sip:r", "u").find("response=\"\""), std::string::npos);
}

}  // namespace
}  // namespace byon::auth
