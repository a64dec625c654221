#include "dataplane/session/plain_rtp_transport.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/dataplane/support/fake_session_output.h"

namespace byon::session {
namespace {

using rtp::DatagramClass;

net::SocketAddress Address(const char* text) { return *net::SocketAddress::Parse(text); }

const net::SocketAddress kSignalled = Address("203.0.113.9:4000");
const net::SocketAddress kSignalledRtcp = Address("203.0.113.9:4001");
const net::SocketAddress kOther = Address("203.0.113.66:4000");
const base::Timestamp kStart = base::Timestamp::FromMilliseconds(10'000);

std::vector<std::byte> Rtp() {
  return {std::byte{0x80}, std::byte{96}, std::byte{0}, std::byte{1}, std::byte{0}, std::byte{0},
          std::byte{0},    std::byte{0},  std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
}
std::vector<std::byte> Rtcp() {
  return {std::byte{0x80}, std::byte{201}, std::byte{0}, std::byte{1},
          std::byte{1},    std::byte{2},   std::byte{3}, std::byte{4}};
}

class PlainRtpTransportTest : public testing::Test {
 protected:
  static ImsRemote Remote() {
    ImsRemote remote;
    remote.rtp = kSignalled;
    remote.stream_id = "a";
    return remote;
  }
  DatagramClass AdmitRtp(const net::SocketAddress& from) {
    return transport_.Admit(/*came_to_rtcp_port=*/false, from, Rtp());
  }
  DatagramClass AdmitRtcp(const net::SocketAddress& from, bool to_rtcp_port = true) {
    return transport_.Admit(to_rtcp_port, from, Rtcp());
  }
  // An RTP packet of an agreed payload type.
  bool TakeMedia(const net::SocketAddress& from, base::Timestamp now) {
    if (AdmitRtp(from) != DatagramClass::kRtp) return false;
    transport_.OnMedia(from, now);
    return true;
  }

  DropCounters drops_;
  test::FakeSessionOutput output_;
  PlainRtpTransport transport_{ImsLocal{Address("192.0.2.2:20002"), Address("192.0.2.2:20003"), 1}, 46, drops_};
};

TEST_F(PlainRtpTransportTest, TakesNothingBeforeTheRemoteIsKnown) {
  EXPECT_EQ(AdmitRtp(kSignalled), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kNoRemote), 1u);
  EXPECT_FALSE(transport_.may_send());
}

TEST_F(PlainRtpTransportTest, TakesTheSignalledSourceAlone) {
  EXPECT_TRUE(transport_.Apply(Remote()));
  EXPECT_EQ(AdmitRtp(kSignalled), DatagramClass::kRtp);
  EXPECT_EQ(AdmitRtp(kOther), DatagramClass::kUnknown);
  EXPECT_EQ(AdmitRtp(Address("203.0.113.9:4002")), DatagramClass::kUnknown);
  EXPECT_EQ(AdmitRtcp(kSignalledRtcp), DatagramClass::kRtcp);
  EXPECT_EQ(AdmitRtcp(kSignalled), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kStrangeSource), 3u);
}

TEST_F(PlainRtpTransportTest, KnowsWhichPortIsForWhat) {
  ImsRemote remote = Remote();
  (void)transport_.Apply(remote);
  EXPECT_EQ(transport_.Admit(true, kSignalledRtcp, Rtp()), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kRtpOnRtcpPort), 1u);
  EXPECT_EQ(AdmitRtcp(kSignalled, /*to_rtcp_port=*/false), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kRtcpOnRtpPort), 1u);
  remote.rtcp_mux = true;
  (void)transport_.Apply(remote);
  EXPECT_EQ(AdmitRtcp(kSignalled, /*to_rtcp_port=*/false), DatagramClass::kRtcp);
}

TEST_F(PlainRtpTransportTest, RefusesOtherProtocols) {
  (void)transport_.Apply(Remote());
  const std::vector<std::byte> stun(20, std::byte{0});
  EXPECT_EQ(transport_.Admit(false, kSignalled, stun), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kUnexpectedClass), 1u);
  const std::vector<std::byte> junk(20, std::byte{0xff});
  EXPECT_EQ(transport_.Admit(false, kSignalled, junk), DatagramClass::kUnknown);
  EXPECT_EQ(drops_.of(DropReason::kUnknownClass), 1u);
}

TEST_F(PlainRtpTransportTest, NewSourceIsAnotherAddressOrAnotherDialog) {
  EXPECT_TRUE(transport_.Apply(Remote()));
  EXPECT_FALSE(transport_.Apply(Remote()));
  ImsRemote other_dialog = Remote();
  other_dialog.stream_id = "b";
  EXPECT_TRUE(transport_.Apply(other_dialog));
  ImsRemote other_address = other_dialog;
  other_address.rtp = kOther;
  EXPECT_TRUE(transport_.Apply(other_address));
  EXPECT_EQ(AdmitRtp(kSignalled), DatagramClass::kUnknown);
  EXPECT_EQ(AdmitRtp(kOther), DatagramClass::kRtp);
}

TEST_F(PlainRtpTransportTest, PortZeroAndTheUnspecifiedAddressTurnMediaOff) {
  for (const char* text : {"203.0.113.9:0", "0.0.0.0:4000", "[::]:4000"}) {
    (void)transport_.Apply(Remote());
    ASSERT_TRUE(transport_.may_send());
    ImsRemote off = Remote();
    off.rtp = Address(text);
    (void)transport_.Apply(off);
    EXPECT_FALSE(transport_.may_send()) << text;
    EXPECT_EQ(AdmitRtp(kSignalled), DatagramClass::kUnknown) << text;
  }
}

TEST_F(PlainRtpTransportTest, SymmetricLearnsTheFirstSourceAndKeepsIt) {
  ImsRemote remote = Remote();
  remote.symmetric_rtp = true;
  (void)transport_.Apply(remote);
  EXPECT_TRUE(TakeMedia(kOther, kStart));
  EXPECT_EQ(transport_.rtp_remote(), kOther);
  EXPECT_FALSE(TakeMedia(Address("198.51.100.1:9"), kStart));
  EXPECT_TRUE(TakeMedia(kOther, kStart + base::TimeDelta::Seconds(1)));
  // The window is over: not even the signalled address gets in now.
  EXPECT_FALSE(TakeMedia(kSignalled, kStart + base::TimeDelta::Seconds(1)));
  EXPECT_EQ(AdmitRtcp(Address("203.0.113.66:777")), DatagramClass::kRtcp);
  EXPECT_EQ(AdmitRtcp(kSignalledRtcp), DatagramClass::kUnknown);
}

TEST_F(PlainRtpTransportTest, SymmetricPrefersTheSignalledSourceInItsWindow) {
  ImsRemote remote = Remote();
  remote.symmetric_rtp = true;
  (void)transport_.Apply(remote);
  EXPECT_TRUE(TakeMedia(kOther, kStart));
  EXPECT_TRUE(TakeMedia(kSignalled, kStart + base::TimeDelta::Milliseconds(100)));
  EXPECT_EQ(transport_.rtp_remote(), kSignalled);
  EXPECT_FALSE(TakeMedia(kOther, kStart + base::TimeDelta::Milliseconds(120)));
}

TEST_F(PlainRtpTransportTest, ARepeatedDescriptionKeepsWhatWasLearned) {
  ImsRemote remote = Remote();
  remote.symmetric_rtp = true;
  (void)transport_.Apply(remote);
  EXPECT_TRUE(TakeMedia(kOther, kStart));
  EXPECT_FALSE(transport_.Apply(remote));
  EXPECT_EQ(transport_.rtp_remote(), kOther);
  remote.stream_id = "b";
  EXPECT_TRUE(transport_.Apply(remote));
  EXPECT_EQ(transport_.rtp_remote(), kSignalled);
}

TEST_F(PlainRtpTransportTest, SendsFromTheRightPortWithTheDscp) {
  ImsRemote remote = Remote();
  (void)transport_.Apply(remote);
  transport_.SendRtp(output_.Allocate(), 12, output_);
  transport_.SendRtcp(output_.Allocate(), 8, output_);
  remote.dscp = 34;
  remote.rtcp_mux = true;
  (void)transport_.Apply(remote);
  transport_.SendRtcp(output_.Allocate(), 8, output_);
  ASSERT_EQ(output_.sent().size(), 3u);
  EXPECT_EQ(output_.sent()[0].source.port, 20002);
  EXPECT_EQ(output_.sent()[0].destination, kSignalled);
  EXPECT_EQ(output_.sent()[0].dscp, 46);
  EXPECT_EQ(output_.sent()[1].source.port, 20003);
  EXPECT_EQ(output_.sent()[1].destination, kSignalledRtcp);
  EXPECT_EQ(output_.sent()[2].source.port, 20002);
  EXPECT_EQ(output_.sent()[2].destination, kSignalled);
  EXPECT_EQ(output_.sent()[2].dscp, 34);
}

TEST_F(PlainRtpTransportTest, HandsTheBufferBackWhenThereIsNoDestination) {
  transport_.SendRtp(output_.Allocate(), 12, output_);
  EXPECT_EQ(drops_.of(DropReason::kNoDestination), 1u);
  EXPECT_EQ(output_.lent_buffers(), 0u);
}

}  // namespace
}  // namespace byon::session
