#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/random.h"
#include "dataplane/base/result.h"
#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/base/spsc_ring.h"
#include "dataplane/base/time.h"
#include "tests/dataplane/support/hex.h"

namespace byon::base {
namespace {

using test::FromHex;
using test::ToHex;

TEST(ByteReader, ReadsNetworkOrder) {
  const auto bytes = FromHex("01 0203 040506 0708090a 0b0c0d0e0f101112 aabb");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.ReadU8(), 0x01u);
  EXPECT_EQ(reader.ReadU16(), 0x0203u);
  EXPECT_EQ(reader.ReadU24(), 0x040506u);
  EXPECT_EQ(reader.ReadU32(), 0x0708090au);
  EXPECT_EQ(reader.ReadU64(), 0x0b0c0d0e0f101112u);
  EXPECT_EQ(ToHex(reader.rest()), "aabb");
  EXPECT_EQ(ToHex(reader.ReadBytes(2)), "aabb");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, PastTheEndFailsForGood) {
  const auto bytes = FromHex("010203");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.ReadU32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.ReadU8(), 0u) << "nothing is read after a failure";
  EXPECT_TRUE(reader.ReadBytes(1).empty());
  EXPECT_FALSE(reader.ok());
  ByteReader huge(bytes);
  huge.Skip(SIZE_MAX);
  EXPECT_FALSE(huge.ok());
}

TEST(ByteWriter, WritesNetworkOrderAndPatches) {
  std::array<std::byte, 32> buffer;
  ByteWriter writer(buffer);
  writer.WriteU8(1);
  writer.WriteU16(0x0203);
  writer.WriteU24(0x040506);
  writer.WriteU32(0x0708090a);
  writer.WriteU64(0x0b0c0d0e0f101112);
  writer.WriteBytes(FromHex("aabb"));
  writer.WriteZeros(2);
  writer.PatchU16(1, 0xffee);
  EXPECT_EQ(ToHex(writer.written()), "01ffee0405060708090a0b0c0d0e0f101112aabb0000");
  EXPECT_TRUE(writer.ok());
  writer.PatchU16(writer.size() - 1, 0x1234);
  EXPECT_EQ(writer.written().back(), std::byte{0}) << "only what is written can be patched";
}

TEST(ByteWriter, WriteThatDoesNotFitIsDroppedWhole) {
  std::array<std::byte, 3> buffer;
  ByteWriter writer(buffer);
  writer.WriteU16(0x0102);
  writer.WriteU16(0x0304);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(ToHex(writer.written()), "0102");
  writer.WriteU8(5);
  EXPECT_EQ(ToHex(writer.written()), "0102") << "nothing is written after a failure";
}

TEST(FixedVector, HoldsUpToItsCapacity) {
  FixedVector<int, 3> vector;
  EXPECT_TRUE(vector.empty());
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(vector.PushBack(i));
  EXPECT_TRUE(vector.full());
  EXPECT_FALSE(vector.PushBack(4));
  vector.Erase(0);
  EXPECT_EQ(vector[0], 2);
  EXPECT_EQ(vector.back(), 3);
  EXPECT_EQ(std::vector(vector.begin(), vector.end()), (std::vector{2, 3}));
  vector.PopBack();
  vector.Clear();
  EXPECT_EQ(vector.size(), 0u);
}

TEST(SequenceUnwrapper, FollowsWrapsBothWays) {
  SequenceUnwrapper<uint16_t> unwrapper;
  EXPECT_EQ(unwrapper.Unwrap(65'534), 65'534);
  EXPECT_EQ(unwrapper.Unwrap(1), 65'537);
  EXPECT_EQ(unwrapper.Peek(65'535), 65'535);
  EXPECT_EQ(unwrapper.Unwrap(65'535), 65'535);
  EXPECT_EQ(unwrapper.Unwrap(0), 65'536);
  unwrapper.Reset();
  EXPECT_EQ(unwrapper.Unwrap(7), 7);
  EXPECT_EQ(unwrapper.Unwrap(65'530), -6) << "before the first one";
}

TEST(SequenceUnwrapper, YearsOfTimestamps) {
  SequenceUnwrapper<uint32_t> unwrapper;
  int64_t expected = 0xfffffff0;
  (void)unwrapper.Unwrap(0xfffffff0);
  for (int i = 0; i < 1000; ++i) {
    expected += 0x7ffffff0;
    ASSERT_EQ(unwrapper.Unwrap(static_cast<uint32_t>(expected)), expected);
  }
}

TEST(Time, ArithmeticAndOrder) {
  const Timestamp start = Timestamp::FromMilliseconds(1'000);
  EXPECT_EQ(start + TimeDelta::Seconds(2) - start, TimeDelta::Milliseconds(2'000));
  EXPECT_LT(start - TimeDelta::Microseconds(1), start);
  EXPECT_EQ(TimeDelta::Seconds(1) / TimeDelta::Milliseconds(20), 50);
  EXPECT_EQ(-TimeDelta::Milliseconds(3) * 2, TimeDelta::Milliseconds(-6));
  EXPECT_DOUBLE_EQ(TimeDelta::Milliseconds(1'500).seconds(), 1.5);
  EXPECT_TRUE(Timestamp::Infinite().is_infinite());
  EXPECT_LT(start, Timestamp::Infinite());
}

enum class Failure { kNone, kBroken };

TEST(Result, HoldsAValueOrAReason) {
  const Result<std::string, Failure> good(std::string("x"));
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, "x");
  EXPECT_EQ(good->size(), 1u);
  const Result<std::string, Failure> bad(Failure::kBroken);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error(), Failure::kBroken);
  Result<std::unique_ptr<int>, Failure> owner(std::make_unique<int>(5));
  EXPECT_EQ(*std::move(owner).value(), 5);
}

TEST(ResultDeathTest, ValueOfAFailureIsOurMistake) {
  const Result<int, Failure> bad(Failure::kBroken);
  EXPECT_DEATH((void)bad.value(), "value\\(\\) of a failed Result");
}

TEST(Random, IsRepeatableAndSpread) {
  Random a(1), b(1), c(2);
  EXPECT_EQ(a.NextU64(), b.NextU64());
  EXPECT_NE(a.NextU64(), c.NextU64());
  std::array<int, 10> buckets{};
  for (int i = 0; i < 100'000; ++i) ++buckets[a.NextBelow(10)];
  for (const int count : buckets) EXPECT_NEAR(count, 10'000, 500);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = a.NextUnit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(SpscRing, IsBoundedAndInOrder) {
  SpscRing<std::unique_ptr<int>, 4> ring;
  EXPECT_TRUE(ring.IsEmpty());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.Push(std::make_unique<int>(i)));
  auto fifth = std::make_unique<int>(4);
  EXPECT_FALSE(ring.Push(std::move(fifth)));
  EXPECT_TRUE(fifth) << "a refused value stays with its owner";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(**ring.Pop(), i);
  EXPECT_FALSE(ring.Pop());
}

TEST(SpscRing, TwoThreadsLoseNothing) {
  SpscRing<uint32_t, 256> ring;
  constexpr uint32_t kCount = 20'000;  // 78 turns of the ring
  std::thread producer([&] {
    for (uint32_t i = 0; i < kCount;) {
      if (ring.Push(uint32_t{i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  uint32_t expected = 0;
  while (expected < kCount) {
    if (const auto value = ring.Pop()) {
      ASSERT_EQ(*value, expected);
      ++expected;
    } else {
      std::this_thread::yield();
    }
  }
  producer.join();
  EXPECT_TRUE(ring.IsEmpty());
}

}  // namespace
}  // namespace byon::base
