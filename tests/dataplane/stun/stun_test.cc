#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "dataplane/base/random.h"
#include "dataplane/stun/stun_message_builder.h"
#include "dataplane/stun/stun_message_view.h"
#include "tests/dataplane/support/hex.h"

namespace byon::stun {
namespace {

using test::FromHex;
using test::ToHex;

// RFC 5769 section 2.1, sample request with short-term credentials (also RFC 8489 appendix B).
constexpr std::string_view kSampleRequest =
    "00010058 2112a442 b7e7a701bc34d686fa87dfae"
    "80220010 5354554e207465737420636c69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b151263b36"
    "00060009 6576746a3a68367659202020"
    "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf";
// RFC 5769 section 2.2, sample IPv4 response.
constexpr std::string_view kSampleResponseV4 =
    "0101003c 2112a442 b7e7a701bc34d686fa87dfae"
    "8022000b 7465737420766563746f7220"
    "00200008 0001a147e112a643"
    "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004 c07d4c96";
// RFC 5769 section 2.3, sample IPv6 response.
constexpr std::string_view kSampleResponseV6 =
    "01010048 2112a442 b7e7a701bc34d686fa87dfae"
    "8022000b 7465737420766563746f7220"
    "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004 c8fb0b4c";
// RFC 5769 section 2.4, sample request with long-term credentials.
constexpr std::string_view kSampleLongTermRequest =
    "00010060 2112a442 78ad3433c6ad72c029da412e"
    "00060012 e3839ee38388e383aae38383e382afe382b90000"
    "0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341"
    "0014000b 6578616d706c652e6f726700"
    "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";
constexpr std::string_view kSamplePassword = "VOkJxbRl1RmTxUk/WvJxBt";

const IntegrityKey kSampleKey(base::AsBytes(kSamplePassword));
const net::SocketAddress kSampleV4{net::IpAddress::V4(192, 0, 2, 1), 32853};

DropReason ReasonFor(std::string_view hex) {
  const auto bytes = FromHex(hex);
  const auto view = StunMessageView::Parse(bytes);
  EXPECT_FALSE(view.ok()) << hex;
  return view.ok() ? DropReason::kTruncated : view.error();
}

TEST(StunMessageView, ReadsTheSampleRequest) {
  const auto bytes = FromHex(kSampleRequest);
  const auto view = StunMessageView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->message_class(), MessageClass::kRequest);
  EXPECT_EQ(view->method(), kBindingMethod);
  EXPECT_EQ(ToHex(view->transaction_id()), "b7e7a701bc34d686fa87dfae");
  EXPECT_EQ(base::AsText(*view->username()), "evtj:h6vY");
  EXPECT_EQ(view->priority(), 0x6e0001ffu);
  EXPECT_EQ(view->ice_controlled(), 0x932ff9b151263b36u);
  EXPECT_EQ(view->ice_controlling(), std::nullopt);
  EXPECT_FALSE(view->use_candidate());
  EXPECT_EQ(base::AsText(*view->Find(AttributeType::kSoftware)), "STUN test client");
  EXPECT_TRUE(view->VerifyIntegrity(kSampleKey));
  EXPECT_TRUE(view->VerifyFingerprint());
  EXPECT_TRUE(view->UnknownRequiredAttributes().empty());
}

TEST(StunMessageView, ReadsTheSampleResponses) {
  const auto v4 = FromHex(kSampleResponseV4);
  const auto view4 = StunMessageView::Parse(v4);
  ASSERT_TRUE(view4.ok());
  EXPECT_EQ(view4->message_class(), MessageClass::kSuccess);
  EXPECT_EQ(view4->xor_mapped_address(), kSampleV4);
  EXPECT_TRUE(view4->VerifyIntegrity(kSampleKey));
  EXPECT_TRUE(view4->VerifyFingerprint());

  const auto v6 = FromHex(kSampleResponseV6);
  const auto view6 = StunMessageView::Parse(v6);
  ASSERT_TRUE(view6.ok());
  EXPECT_EQ(view6->xor_mapped_address()->ToString(), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
  EXPECT_TRUE(view6->VerifyIntegrity(kSampleKey));
  EXPECT_TRUE(view6->VerifyFingerprint());
}

TEST(StunMessageView, VerifiesTheLongTermSample) {
  // MD5 of the sample's user name, ":example.org:" and the password "TheMatrIX".
  const auto key = FromHex("e8ca7ad59d5eb0518e312911d2dab2a9");
  const auto bytes = FromHex(kSampleLongTermRequest);
  const auto view = StunMessageView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_FALSE(view->has_fingerprint());
  EXPECT_FALSE(view->VerifyFingerprint());
  EXPECT_TRUE(view->UnknownRequiredAttributes().empty());
  EXPECT_TRUE(view->VerifyIntegrity(IntegrityKey(key)));
}

TEST(StunMessageView, EveryFlippedBitBreaksIntegrityOrFingerprint) {
  const auto original = FromHex(kSampleRequest);
  for (size_t bit = 0; bit < original.size() * 8; ++bit) {
    auto bytes = original;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto view = StunMessageView::Parse(bytes);
    if (!view.ok()) continue;
    EXPECT_FALSE(view->VerifyIntegrity(kSampleKey) && view->VerifyFingerprint()) << bit;
  }
}

TEST(StunMessageView, EveryPrefixIsRefused) {
  const auto original = FromHex(kSampleRequest);
  for (size_t size = 0; size < original.size(); ++size) {
    EXPECT_FALSE(StunMessageView::Parse(base::ByteSpan(original).first(size)).ok()) << size;
  }
}

TEST(StunMessageView, EveryDropReason) {
  EXPECT_EQ(ReasonFor(""), DropReason::kTruncated);
  EXPECT_EQ(ReasonFor("00010000 2112a442 0000000000000000000000"), DropReason::kTruncated);
  EXPECT_EQ(ReasonFor("00010004 2112a442 000000000000000000000000"), DropReason::kTruncated);
  EXPECT_EQ(ReasonFor("80010000 2112a442 000000000000000000000000"), DropReason::kBadType);
  EXPECT_EQ(ReasonFor("40010000 2112a442 000000000000000000000000"), DropReason::kBadType);
  EXPECT_EQ(ReasonFor("00010000 2112a443 000000000000000000000000"), DropReason::kBadCookie);
  EXPECT_EQ(ReasonFor("00010000 2112a442 000000000000000000000000 00"), DropReason::kBadLength);
  EXPECT_EQ(ReasonFor("00010002 2112a442 000000000000000000000000 0000"), DropReason::kBadLength);
  EXPECT_EQ(ReasonFor("00010004 2112a442 000000000000000000000000 00060001"), DropReason::kBadAttribute);
  EXPECT_EQ(ReasonFor("00010004 2112a442 000000000000000000000000 0006ffff"), DropReason::kBadAttribute);
}

TEST(StunMessageView, AttributesBehindMessageIntegrityAreNotSeen) {
  // RFC 8489 section 14.5.
  std::array<std::byte, 200> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddUsername("a:b");
  builder.AddMessageIntegrity(kSampleKey);
  builder.AddUseCandidate();
  builder.AddAttribute(static_cast<AttributeType>(0x7777), {});
  builder.AddFingerprint();
  const auto view = StunMessageView::Parse(*builder.Finish());
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->VerifyIntegrity(kSampleKey));
  EXPECT_TRUE(view->VerifyFingerprint());
  EXPECT_FALSE(view->use_candidate());
  EXPECT_TRUE(view->UnknownRequiredAttributes().empty());
}

TEST(StunMessageView, FingerprintMustBeLast) {
  std::array<std::byte, 200> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddFingerprint();
  builder.AddMessageIntegrity(kSampleKey);
  const auto view = StunMessageView::Parse(*builder.Finish());
  ASSERT_TRUE(view.ok());
  EXPECT_FALSE(view->VerifyFingerprint());
  EXPECT_FALSE(view->has_message_integrity());
}

TEST(StunMessageView, IntegrityOfAWrongLengthNeverVerifies) {
  std::array<std::byte, 200> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddAttribute(AttributeType::kMessageIntegrity, FromHex("00112233"));
  EXPECT_FALSE(StunMessageView::Parse(*builder.Finish())->VerifyIntegrity(kSampleKey));
}

TEST(StunMessageView, ValuesOfAWrongLengthAreAbsent) {
  std::array<std::byte, 200> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddAttribute(AttributeType::kPriority, FromHex("0011"));
  builder.AddAttribute(AttributeType::kIceControlling, FromHex("00112233"));
  builder.AddAttribute(AttributeType::kXorMappedAddress, FromHex("0001a147e112"));
  builder.AddAttribute(AttributeType::kErrorCode, FromHex("0004"));
  const auto view = StunMessageView::Parse(*builder.Finish());
  EXPECT_FALSE(view->priority());
  EXPECT_FALSE(view->ice_controlling());
  EXPECT_TRUE(view->Has(AttributeType::kIceControlling));
  EXPECT_FALSE(view->xor_mapped_address());
  EXPECT_FALSE(view->error_code());
}

TEST(StunMessageView, TheFirstOfTwoCounts) {
  std::array<std::byte, 200> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddPriority(1);
  builder.AddPriority(2);
  EXPECT_EQ(StunMessageView::Parse(*builder.Finish())->priority(), 1u);
}

TEST(StunMessageView, ListsUnknownRequiredAttributesUpToItsBound) {
  std::array<std::byte, 400> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kRequest, kBindingMethod, {});
  builder.AddAttribute(static_cast<AttributeType>(0x8777), {});  // optional: may be ignored
  for (uint16_t i = 0; i < 40; ++i) {
    builder.AddAttribute(static_cast<AttributeType>(0x7000 + i), {});
  }
  const auto unknown = StunMessageView::Parse(*builder.Finish())->UnknownRequiredAttributes();
  ASSERT_EQ(unknown.size(), StunMessageView::kMaxUnknownAttributes);
  EXPECT_EQ(unknown[0], 0x7000);
}

TEST(StunMessageBuilder, RebuildsTheSampleResponses) {
  const auto expected = FromHex(kSampleResponseV4);
  TransactionId id;
  std::copy_n(expected.begin() + 8, id.size(), id.begin());
  std::array<std::byte, 128> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kSuccess, kBindingMethod, id);
  // The sample pads SOFTWARE with a space where this builder writes a zero, so it is given as is.
  builder.AddSoftware("test vector");
  builder.AddXorMappedAddress(kSampleV4);
  builder.AddMessageIntegrity(kSampleKey);
  builder.AddFingerprint();
  const auto built = builder.Finish();
  ASSERT_TRUE(built);
  ASSERT_EQ(built->size(), expected.size());
  // Up to the padding byte, and the whole XOR-MAPPED-ADDRESS.
  EXPECT_EQ(ToHex(built->first(35)), ToHex(base::ByteSpan(expected).first(35)));
  EXPECT_EQ(ToHex(built->subspan(36, 12)), ToHex(base::ByteSpan(expected).subspan(36, 12)));
  const auto view = StunMessageView::Parse(*built);
  EXPECT_TRUE(view->VerifyIntegrity(kSampleKey));
  EXPECT_TRUE(view->VerifyFingerprint());
}

TEST(StunMessageBuilder, EveryClassAndMethodRoundTrips) {
  for (int c = 0; c < 4; ++c) {
    for (uint16_t method = 0; method < 0x1000; method = static_cast<uint16_t>(method + 7)) {
      std::array<std::byte, 20> buffer;
      StunMessageBuilder builder(buffer, static_cast<MessageClass>(c), method, {});
      const auto view = StunMessageView::Parse(*builder.Finish());
      ASSERT_TRUE(view.ok());
      EXPECT_EQ(static_cast<int>(view->message_class()), c);
      EXPECT_EQ(view->method(), method);
    }
  }
}

TEST(StunMessageBuilder, EveryAttributeRoundTrips) {
  std::array<std::byte, 400> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kError, kBindingMethod, {});
  const net::SocketAddress v6 = *net::SocketAddress::Parse("[2001:db8::77]:443");
  builder.AddUsername("abc:defgh");
  builder.AddPriority(0x01020304);
  builder.AddUseCandidate();
  builder.AddIceControlling(0x1122334455667788);
  builder.AddIceControlled(0x99aabbccddeeff00);
  builder.AddXorMappedAddress(v6);
  builder.AddErrorCode(ErrorCode::kRoleConflict, "Role Conflict");
  builder.AddUnknownAttributes(std::array<uint16_t, 3>{0x7001, 0x7002, 0x7003});
  const auto view = StunMessageView::Parse(*builder.Finish());
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(base::AsText(*view->username()), "abc:defgh");
  EXPECT_EQ(view->priority(), 0x01020304u);
  EXPECT_TRUE(view->use_candidate());
  EXPECT_EQ(view->ice_controlling(), 0x1122334455667788u);
  EXPECT_EQ(view->ice_controlled(), 0x99aabbccddeeff00u);
  EXPECT_EQ(view->xor_mapped_address(), v6);
  EXPECT_EQ(view->error_code(), 487);
  EXPECT_EQ(ToHex(*view->Find(AttributeType::kUnknownAttributes)), "700170027003");
}

TEST(StunMessageBuilder, TooSmallABufferGivesNothing) {
  std::array<std::byte, 40> buffer;
  StunMessageBuilder builder(buffer, MessageClass::kSuccess, kBindingMethod, {});
  builder.AddXorMappedAddress(kSampleV4);
  builder.AddMessageIntegrity(kSampleKey);
  builder.AddFingerprint();
  EXPECT_FALSE(builder.Finish());
  EXPECT_FALSE(StunMessageBuilder({}, MessageClass::kSuccess, kBindingMethod, {}).Finish());
}

TEST(IntegrityKey, KnownHmacSha1Vectors) {
  // RFC 2202 section 3, cases 1, 2 and 6 (a key longer than a block).
  const auto key1 = FromHex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  EXPECT_EQ(ToHex(IntegrityKey(key1).Compute(base::AsBytes("Hi "), base::AsBytes("There"))),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(ToHex(IntegrityKey(base::AsBytes("Jefe")).Compute(base::AsBytes("what do ya want for nothing?"), {})),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  const std::vector<std::byte> key6(80, std::byte{0xaa});
  EXPECT_EQ(
      ToHex(IntegrityKey(key6).Compute(base::AsBytes("Test Using Larger Than Block-Size Key - Hash Key First"), {})),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(Fingerprint, IsCrc32WithAMask) {
  // The check value of CRC-32 (ITU-T V.42) is cbf43926.
  EXPECT_EQ(Fingerprint(base::AsBytes("123456789")), 0xcbf43926u ^ 0x5354554eu);
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(DropReasonName(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("stun_unknown"));
}

}  // namespace
}  // namespace byon::stun
