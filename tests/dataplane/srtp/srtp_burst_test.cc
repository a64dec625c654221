#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dataplane/base/random.h"
#include "tests/dataplane/srtp/srtp_test_support.h"

// Counts what OpenSSL takes from the heap; installed before its first allocation.
namespace {
std::atomic<long> openssl_allocations{0};
void* CountedMalloc(size_t size, const char*, int) {
  ++openssl_allocations;
  return std::malloc(size);
}
void* CountedRealloc(void* memory, size_t size, const char*, int) {
  ++openssl_allocations;
  return std::realloc(memory, size);
}
void CountedFree(void* memory, const char*, int) { std::free(memory); }
const int is_counting = CRYPTO_set_mem_functions(CountedMalloc, CountedRealloc, CountedFree);
}  // namespace

namespace byon::srtp {
namespace {

constexpr SrtpProfile kProfiles[] = {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm,
                                     SrtpProfile::kAeadAes256Gcm};

class SrtpBurst : public testing::TestWithParam<SrtpBackend> {
 protected:
  void SetUp() override {
    if (!IsAvailable(GetParam())) GTEST_SKIP() << "backend not available on this machine";
    transform_ = MakeSrtpTransform(GetParam());
  }
  std::unique_ptr<SrtpTransform> transform_;
};

struct Burst {
  std::vector<Packet> storage;
  std::vector<BurstPacket> packets;

  void Add(SrtpSession& session, Packet packet, size_t tailroom) {
    const size_t length = packet.size();
    packet.resize(length + tailroom);
    storage.push_back(std::move(packet));
    packets.push_back({&session, {}, length, std::nullopt});
  }
  std::span<BurstPacket> Ready() {
    for (size_t i = 0; i < packets.size(); ++i) packets[i].buffer = storage[i];
    return packets;
  }
};

TEST_P(SrtpBurst, ManySessionsProfilesAndLengthsGiveWhatSinglePacketsGive) {
  base::Random random(7);
  std::vector<std::unique_ptr<SrtpSession>> out, out_single, in;
  for (uint8_t i = 0; i < 50; ++i) {
    const auto keying = SomeKeying(kProfiles[i % 3], i);
    out.push_back(std::make_unique<SrtpSession>(GetParam(), keying));
    out_single.push_back(std::make_unique<SrtpSession>(GetParam(), keying));
    in.push_back(std::make_unique<SrtpSession>(GetParam(), keying));
  }
  for (uint16_t round = 0; round < 20; ++round) {
    Burst burst;
    std::vector<Packet> plain;
    std::vector<size_t> owners;
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t count = random.NextBelow(4);  // several of one session in a burst, too
      for (size_t k = 0; k < count; ++k) {
        plain.push_back(
            MakeRtp(static_cast<uint32_t>(i), static_cast<uint16_t>(round * 4 + k + 65'500), random.NextBelow(180)));
        owners.push_back(i);
        burst.Add(*out[i], plain.back(), kMaxRtpOverheadBytes);
      }
    }
    ProtectRtpBurst(*transform_, burst.Ready());
    Burst received;
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_FALSE(burst.packets[i].drop.has_value());
      Packet sealed = burst.storage[i];
      sealed.resize(burst.packets[i].length);
      Packet single = plain[i];
      single.resize(plain[i].size() + kMaxRtpOverheadBytes);
      const auto length = out_single[owners[i]]->ProtectRtp(*transform_, single, plain[i].size());
      ASSERT_TRUE(length.ok());
      single.resize(*length);
      ASSERT_EQ(sealed, single);
      received.Add(*in[owners[i]], sealed, 0);
    }
    UnprotectRtpBurst(*transform_, received.Ready());
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_FALSE(received.packets[i].drop.has_value()) << DropReasonName(*received.packets[i].drop);
      received.storage[i].resize(received.packets[i].length);
      ASSERT_EQ(received.storage[i], plain[i]);
    }
  }
}

TEST_P(SrtpBurst, TwinsForgeriesAndJunkInOneBurstAreToldApart) {
  for (const SrtpProfile profile : kProfiles) {
    SrtpSession out(GetParam(), SomeKeying(profile)), in(GetParam(), SomeKeying(profile));
    Burst sealing;
    for (uint16_t i = 0; i < 3; ++i) sealing.Add(out, MakeRtp(7, i), kMaxRtpOverheadBytes);
    ProtectRtpBurst(*transform_, sealing.Ready());
    for (size_t i = 0; i < 3; ++i) sealing.storage[i].resize(sealing.packets[i].length);
    Packet forged = sealing.storage[2];
    forged[20] ^= std::byte{4};

    Burst burst;
    burst.Add(in, sealing.storage[0], 0);
    burst.Add(in, sealing.storage[1], 0);
    burst.Add(in, sealing.storage[1], 0);  // twin: before the first one's tag is known
    burst.Add(in, forged, 0);
    burst.Add(in, Packet(5), 0);
    burst.Add(in, sealing.storage[2], 0);
    burst.Add(in, sealing.storage[0], 0);
    UnprotectRtpBurst(*transform_, burst.Ready());
    EXPECT_FALSE(burst.packets[0].drop);
    EXPECT_FALSE(burst.packets[1].drop);
    EXPECT_EQ(burst.packets[2].drop, DropReason::kReplayed);
    EXPECT_EQ(burst.packets[3].drop, DropReason::kAuthFailed);
    EXPECT_EQ(burst.packets[4].drop, DropReason::kMalformed);
    EXPECT_FALSE(burst.packets[5].drop);
    EXPECT_EQ(burst.packets[6].drop, DropReason::kReplayed);
  }
}

TEST_P(SrtpBurst, ANewSsrcMayRollOverWithinItsFirstBurst) {
  for (const SrtpProfile profile : kProfiles) {
    SrtpSession out(GetParam(), SomeKeying(profile)), in(GetParam(), SomeKeying(profile));
    Burst burst;
    for (uint32_t i = 65'534; i < 65'540; ++i) {
      burst.Add(out, MakeRtp(7, static_cast<uint16_t>(i)), kMaxRtpOverheadBytes);
    }
    ProtectRtpBurst(*transform_, burst.Ready());
    Burst received;
    for (size_t i = 0; i < burst.packets.size(); ++i) {
      burst.storage[i].resize(burst.packets[i].length);
      received.Add(in, burst.storage[i], 0);
    }
    UnprotectRtpBurst(*transform_, received.Ready());
    for (const BurstPacket& packet : received.packets) EXPECT_FALSE(packet.drop);
  }
}

TEST_P(SrtpBurst, PacketsTakeNothingFromOpenSslsHeap) {
  ASSERT_EQ(is_counting, 1);
  for (const SrtpProfile profile : kProfiles) {
    Endpoint sender(GetParam(), SomeKeying(profile)), receiver(GetParam(), SomeKeying(profile));
    const long before = openssl_allocations;
    for (uint16_t i = 0; i < 100; ++i) {
      ASSERT_TRUE(receiver.UnprotectRtp(*sender.ProtectRtp(MakeRtp(7, i))).ok());
      ASSERT_TRUE(receiver.UnprotectRtcp(*sender.ProtectRtcp(MakeRtcp(7))).ok());
    }
    EXPECT_EQ(openssl_allocations, before) << ProfileName(profile);
  }
  EXPECT_GT(openssl_allocations, 0) << "the counter counts";
}

INSTANTIATE_TEST_SUITE_P(Backends, SrtpBurst, testing::Values(SrtpBackend::kIpsecMb, SrtpBackend::kOpenSsl),
                         [](const auto& param_info) {
                           return param_info.param == SrtpBackend::kIpsecMb ? "IpsecMb" : "OpenSsl";
                         });

TEST(ReplayWindow, RemembersExactlyItsSize) {
  ReplayWindow window;
  EXPECT_EQ(window.Check(0), ReplayWindow::Verdict::kFresh);
  window.Accept(1000);
  EXPECT_EQ(window.Check(1000), ReplayWindow::Verdict::kReplayed);
  EXPECT_EQ(window.Check(1000 - 127), ReplayWindow::Verdict::kFresh);
  EXPECT_EQ(window.Check(1000 - 128), ReplayWindow::Verdict::kTooOld);
  window.Accept(1000 - 127);
  window.Accept(1001);
  EXPECT_EQ(window.Check(1000), ReplayWindow::Verdict::kReplayed);
  EXPECT_EQ(window.Check(1000 - 127), ReplayWindow::Verdict::kTooOld);
  window.Accept(1'000'000);
  EXPECT_EQ(window.Check(1'000'000 - 127), ReplayWindow::Verdict::kFresh);
  EXPECT_EQ(window.highest(), 1'000'000u);
}

TEST(Profiles, NamesAndNumbersAreThoseOfIana) {
  EXPECT_EQ(ProfileFromId(1), SrtpProfile::kAes128CmSha1_80);
  EXPECT_EQ(ProfileFromId(7), SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(ProfileFromId(8), SrtpProfile::kAeadAes256Gcm);
  EXPECT_FALSE(ProfileFromId(2).has_value());
  EXPECT_EQ(ProfileName(SrtpProfile::kAeadAes256Gcm), "SRTP_AEAD_AES_256_GCM");
}

}  // namespace
}  // namespace byon::srtp
