#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/rtp/datagram_class.h"
#include "dataplane/rtp/telephone_event.h"
#include "tests/dataplane/support/hex.h"

namespace byon::rtp {
namespace {

using test::FromHex;
using test::ToHex;

// RFC 7983 section 7, RFC 5761 section 4, read off independently of the code.
DatagramClass Expected(unsigned first, unsigned second) {
  if (first < 4) return DatagramClass::kStun;
  if (first < 20) return DatagramClass::kUnknown;  // 16 to 19 are ZRTP
  if (first < 64) return DatagramClass::kDtls;
  if (first < 128) return DatagramClass::kUnknown;  // 64 to 79 are TURN channels
  if (first < 192) {
    return second >= 192 && second < 224 ? DatagramClass::kRtcp : DatagramClass::kRtp;
  }
  return DatagramClass::kUnknown;
}

TEST(ClassifyDatagram, EveryPairOfFirstBytes) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::array bytes = {static_cast<std::byte>(first), static_cast<std::byte>(second)};
      ASSERT_EQ(ClassifyDatagram(bytes), Expected(first, second)) << first << " " << second;
    }
  }
}

TEST(ClassifyDatagram, ShortDatagrams) {
  EXPECT_EQ(ClassifyDatagram({}), DatagramClass::kUnknown);
  const auto rtp = FromHex("80");
  EXPECT_EQ(ClassifyDatagram(rtp), DatagramClass::kUnknown);
  const auto dtls = FromHex("16");
  EXPECT_EQ(ClassifyDatagram(dtls), DatagramClass::kDtls);
}

TEST(TelephoneEvent, ReadsAndWritesRfc4733) {
  // RFC 4733 section 2.3: event 1, end, volume 20, duration 1760.
  const auto bytes = FromHex("01 94 06e0");
  const auto event = TelephoneEvent::Parse(bytes);
  ASSERT_TRUE(event);
  EXPECT_EQ(*event, (TelephoneEvent{1, true, 20, 1760}));
  std::array<std::byte, kTelephoneEventBytes> buffer;
  base::ByteWriter writer(buffer);
  event->Serialize(writer);
  EXPECT_EQ(ToHex(writer.written()), "019406e0");
}

TEST(TelephoneEvent, IgnoresTheReservedBitAndWhatFollows) {
  const auto bytes = FromHex("0b ca 0140 0c0a0000");
  EXPECT_EQ(*TelephoneEvent::Parse(bytes), (TelephoneEvent{11, true, 10, 320}));
}

TEST(TelephoneEvent, RefusesThreeBytes) {
  const auto bytes = FromHex("010a01");
  EXPECT_FALSE(TelephoneEvent::Parse(bytes));
}

TEST(TelephoneEvent, DigitsMapBothWays) {
  const std::string digits = "0123456789*#ABCD";
  for (uint8_t i = 0; i < 16; ++i) {
    EXPECT_EQ(DigitFromEvent(i), digits[i]);
    EXPECT_EQ(EventFromDigit(digits[i]), i);
  }
  EXPECT_EQ(EventFromDigit('d'), 15);
  EXPECT_FALSE(EventFromDigit('E'));
  EXPECT_FALSE(EventFromDigit('\0'));
  EXPECT_FALSE(DigitFromEvent(16));
}

}  // namespace
}  // namespace byon::rtp
