#include "dataplane/rpc/proto_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "dataplane/rpc/proto_report.h"
#include "tests/dataplane/rpc/requests.h"

namespace byon::rpc {
namespace {

using testing::HasSubstr;

TEST(ProtoConversion, AccessRemoteArrivesWhole) {
  const auto remote = ToDomain(Access(), "access");
  ASSERT_TRUE(remote.ok()) << remote.error();
  EXPECT_EQ(remote->ice->ufrag, "abcd");
  EXPECT_EQ(remote->ice->pwd, "abcdefghijklmnopqrstuv");
  ASSERT_EQ(remote->fingerprints.size(), 1u);
  EXPECT_EQ(remote->fingerprints[0].ToText(), FingerprintText());
  EXPECT_EQ(remote->gateway_dtls_role, dtls::DtlsRole::kClient);
  EXPECT_EQ(remote->direction, session::Direction::kSendRecv);
  ASSERT_TRUE(remote->audio.has_value());
  EXPECT_EQ(remote->audio->send.codec.codec, codec::Codec::kOpus);
  EXPECT_EQ(remote->audio->send.payload_type, 111);
  EXPECT_TRUE(remote->audio->send.codec.opus.use_inband_fec);
  EXPECT_EQ(remote->audio->send.codec.ptime_ms, 20);
  ASSERT_EQ(remote->audio->send.telephone_events.size(), 1u);
  EXPECT_EQ(remote->audio->send.telephone_events[0].payload_type, 110);
  EXPECT_EQ(remote->audio->receive.at(0).telephone_events.size(), 1u);
}

TEST(ProtoConversion, RedundancyBelongsToWhatIsReceived) {
  proto::AccessRemote message = Access();
  EXPECT_FALSE(ToDomain(message, "access")->audio->receive.at(0).red_payload_type);
  message.mutable_audio()->set_red_payload_type(63);
  const auto remote = ToDomain(message, "access");
  ASSERT_TRUE(remote.ok()) << remote.error();
  EXPECT_EQ(remote->audio->receive.at(0).red_payload_type, 63);
  EXPECT_FALSE(remote->audio->send.red_payload_type);
}

TEST(ProtoConversion, AbsentPartsStayAbsent) {
  const auto access = ToDomain(proto::AccessRemote(), "access");
  ASSERT_TRUE(access.ok());
  EXPECT_FALSE(access->ice || access->gateway_dtls_role || access->audio || access->direction);
  EXPECT_TRUE(access->fingerprints.empty());
  const auto ims = ToDomain(proto::ImsRemote(), "ims", true);
  ASSERT_TRUE(ims.ok());
  EXPECT_FALSE(ims->rtp || ims->rtcp || ims->audio || ims->direction);
}

TEST(ProtoConversion, ImsRemoteArrivesWhole) {
  proto::ImsRemote message = Ims();
  message.mutable_rtcp()->set_ip("192.0.2.2");
  message.mutable_rtcp()->set_port(6001);
  message.set_rtcp_mux(true);
  message.set_use_avpf(true);
  message.set_symmetric_rtp(true);
  message.set_dscp(34);
  message.mutable_audio()->mutable_send()->set_octet_align(true);
  message.mutable_audio()->mutable_send()->set_mode_change_period(2);
  message.mutable_audio()->mutable_send()->set_ptime_ms(60);
  message.mutable_audio()->mutable_send()->set_max_ptime_ms(50);
  const auto remote = ToDomain(message, "ims", true);
  ASSERT_TRUE(remote.ok()) << remote.error();
  EXPECT_EQ(remote->rtp->ToString(), "192.0.2.1:5004");
  EXPECT_EQ(remote->rtcp->ToString(), "192.0.2.2:6001");
  EXPECT_TRUE(remote->rtcp_mux && remote->rtcp_parameters->is_avpf && remote->symmetric_rtp);
  EXPECT_EQ(remote->dscp, 34);
  EXPECT_EQ(remote->stream_id, "dialog-1");
  const codec::CodecFormat& format = remote->audio->send.codec;
  EXPECT_EQ(format.codec, codec::Codec::kAmrWb);
  EXPECT_EQ(format.amr.mode_set, 1u << 0 | 1u << 2 | 1u << 8);
  EXPECT_TRUE(format.amr.octet_align);
  EXPECT_EQ(format.amr.mode_change_period, 2);
  EXPECT_EQ(format.ptime_ms, 40);  // at most 50, in frames of 20
}

TEST(ProtoConversion, MediaMayBeSwitchedOffByTheUnspecifiedAddress) {
  proto::ImsRemote message = Ims();
  message.mutable_rtp()->set_ip("0.0.0.0");
  message.mutable_rtp()->set_port(0);
  EXPECT_TRUE(ToDomain(message, "ims", true).ok());
}

TEST(ProtoConversion, AnUnknownHashBesideAKnownOneIsPassedOver) {
  proto::AccessRemote message = Access();
  auto& sha1 = *message.add_fingerprints();
  sha1.set_algorithm("sha-1");
  sha1.set_value("00:11");
  const auto remote = ToDomain(message, "access");
  ASSERT_TRUE(remote.ok());
  EXPECT_EQ(remote->fingerprints.size(), 1u);
}

TEST(ProtoConversion, RtcpOfTheDescriptionArrives) {
  proto::ImsRemote message = Ims();
  message.set_use_avpf(true);
  message.mutable_rtcp_xr()->set_voip_metrics(true);
  message.mutable_rtcp_xr()->set_receiver_reference_time(true);
  message.set_rtcp_bandwidth_bps(0);
  const auto remote = ToDomain(message, "ims", true);
  ASSERT_TRUE(remote.ok()) << remote.error();
  EXPECT_EQ(remote->rtcp_parameters, (session::RtcpParameters{true, 0, true, true}));
  message.set_rtcp_bandwidth_bps(2'000'000);
  EXPECT_EQ(ToDomain(message, "ims", true).error(), "ims.rtcp_bandwidth_bps is 2000000, but must be 0 to 1000000");
}

TEST(ProtoConversion, HoldAudioAndMuteArrive) {
  const std::vector<int16_t> samples(1600);
  pipeline::AnnouncementSet announcements;
  announcements.emplace("music", pipeline::AudioClip(samples, 8000));
  announcements.emplace("queue", pipeline::AudioClip(samples, 8000));
  proto::ImsRemote message;
  EXPECT_FALSE(ToDomain(message, "ims", true)->is_muted);
  EXPECT_FALSE(ToDomain(message, "ims", true)->hold_audio);
  message.set_muted(false);
  message.mutable_hold_audio()->set_kind(proto::HoldAudio::KIND_ANNOUNCEMENT);
  message.mutable_hold_audio()->set_announcement("music");
  const auto remote = ToDomain(message, "ims", true, &announcements);
  ASSERT_TRUE(remote.ok()) << remote.error();
  EXPECT_EQ(remote->is_muted, false);
  EXPECT_EQ(remote->hold_audio->clip, &announcements.at("music"));
  message.mutable_hold_audio()->set_announcement("jazz");
  EXPECT_EQ(ToDomain(message, "ims", true, &announcements).error(),
            "ims.hold_audio.announcement is \"jazz\", but must be one of music, queue");
  EXPECT_EQ(ToDomain(message, "ims", true).error(),
            "ims.hold_audio.announcement is \"jazz\", but must be absent: this node has no "
            "announcements");
  message.mutable_hold_audio()->set_kind(static_cast<proto::HoldAudio::Kind>(9));
  EXPECT_EQ(ToDomain(message, "ims", true, &announcements).error(), "ims.hold_audio.kind is 9, but must be 0 to 3");
}

TEST(ProtoConversion, AnAnnouncementNeedsANameTheNodeHasAndAnId) {
  const std::vector<int16_t> samples(1600);
  pipeline::AnnouncementSet announcements;
  announcements.emplace("welcome", pipeline::AudioClip(samples, 8000));
  proto::PlayAnnouncementRequest request;
  request.set_leg(proto::LEG_IMS);
  request.set_announcement("welcome");
  request.set_loop(true);
  EXPECT_THAT(ToDomain(request, &announcements).error(), HasSubstr("playback_id is \"\""));
  request.set_playback_id("p 1");
  EXPECT_THAT(ToDomain(request, &announcements).error(), HasSubstr("1 to 64 of [A-Za-z0-9_-]"));
  request.set_playback_id("p-1");
  const auto play = ToDomain(request, &announcements);
  ASSERT_TRUE(play.ok()) << play.error();
  EXPECT_EQ(play->clip, &announcements.at("welcome"));
  EXPECT_TRUE(play->loop);
  request.set_announcement("");
  EXPECT_EQ(ToDomain(request, &announcements)->clip, nullptr);
  request.set_leg(proto::LEG_UNSPECIFIED);
  EXPECT_THAT(ToDomain(request, &announcements).error(), HasSubstr("leg is 0"));
}

struct AccessMistake {
  std::function<void(proto::AccessRemote&)> make;
  const char* sentence;
};
class AccessMistakes : public testing::TestWithParam<AccessMistake> {};

TEST_P(AccessMistakes, AreNamedInOneSentence) {
  proto::AccessRemote message = Access();
  GetParam().make(message);
  const auto remote = ToDomain(message, "access");
  ASSERT_FALSE(remote.ok());
  EXPECT_THAT(remote.error(), HasSubstr(GetParam().sentence));
  EXPECT_EQ(remote.error().find('\n'), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    All, AccessMistakes,
    testing::Values(
        AccessMistake{[](auto& m) { m.set_ice_ufrag("abc"); },
                      "access.ice_ufrag is \"abc\", but must be 4 to 256 of [A-Za-z0-9+/]"},
        AccessMistake{[](auto& m) { m.set_ice_ufrag("ab\ncd"); }, "access.ice_ufrag is \"ab?cd\""},
        AccessMistake{[](auto& m) { m.set_ice_pwd("short"); },
                      "access.ice_pwd has 5 characters, but must be 22 to 256"},
        AccessMistake{[](auto& m) { m.clear_ice_pwd(); }, "access.ice_pwd has 0 characters"},
        AccessMistake{[](auto& m) { m.mutable_fingerprints(0)->set_algorithm("sha-1"); },
                      "access.fingerprints is \"sha-1"},
        AccessMistake{[](auto& m) { m.mutable_fingerprints(0)->set_value("00:11"); },
                      "access.fingerprints is \"sha-256 00:11\", but must be sha-256"},
        AccessMistake{[](auto& m) {
                        for (int i = 0; i < 16; ++i) *m.add_fingerprints() = m.fingerprints(0);
                      },
                      "access.fingerprints has 17 entries, but at most 16"},
        AccessMistake{[](auto& m) { m.set_gateway_dtls_role(static_cast<proto::DtlsRole>(7)); },
                      "access.gateway_dtls_role is 7, but must be 0 to 2"},
        AccessMistake{[](auto& m) { m.set_direction(static_cast<proto::Direction>(9)); },
                      "access.direction is 9, but must be 0 to 4"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_encoding_name("G722"); },
                      "access.audio.send.encoding_name with clock_rate_hz is \"G722\" with 48000"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_payload_type(72); },
                      "access.audio.send.payload_type is 72, but must be 0 to 63 or 96 to 127"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_payload_type(128); },
                      "access.audio.send.payload_type is 128"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_channels(3); },
                      "access.audio.send.channels is 3, but must be 0, 1 or 2"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_max_average_bitrate_bps(5); },
                      "access.audio.send.max_average_bitrate_bps is 5, but must be 0 or 6000 to 510000"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_max_playback_rate_hz(96000); },
                      "access.audio.send.max_playback_rate_hz is 96000"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_max_ptime_ms(10); },
                      "access.audio.send.max_ptime_ms is 10, but must be 0 or at least 20"},
        AccessMistake{[](auto& m) { m.mutable_audio()->clear_receive(); },
                      "access.audio.receive lacks opus, but must hold the codec of"},
        AccessMistake{[](auto& m) { *m.mutable_audio()->add_receive() = m.audio().send(); },
                      "access.audio.receive[1].payload_type is 111, but must be used once"},
        AccessMistake{[](auto& m) { m.mutable_audio()->set_red_payload_type(111); },
                      "access.audio.receive[0].payload_type is 111, but must be used once"},
        AccessMistake{[](auto& m) { m.mutable_audio()->set_red_payload_type(110); },
                      "access.audio.red_payload_type is 110, but must be used once"},
        AccessMistake{[](auto& m) { m.mutable_audio()->set_red_payload_type(72); },
                      "access.audio.red_payload_type is 72, but must be 0 to 63 or 96 to 127"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_telephone_events(0)->set_payload_type(111); },
                      "access.audio.receive[0].payload_type is 111, but must be used once"},
        AccessMistake{[](auto& m) { *m.mutable_audio()->add_telephone_events() = m.audio().telephone_events(0); },
                      "access.audio.telephone_events is 110, but must be payload types used once"},
        AccessMistake{[](auto& m) { m.mutable_audio()->mutable_telephone_events(0)->set_clock_rate_hz(44100); },
                      "access.audio.telephone_events[0].clock_rate_hz is 44100, but must be 8000, "
                      "16000 or 48000"},
        AccessMistake{[](auto& m) {
                        for (int i = 0; i < 4; ++i) {
                          auto& event = *m.mutable_audio()->add_telephone_events();
                          event.set_payload_type(static_cast<uint32_t>(112 + i));
                          event.set_clock_rate_hz(8000);
                        }
                      },
                      "access.audio.telephone_events has 5 entries, but at most 4"}));

struct ImsMistake {
  std::function<void(proto::ImsRemote&)> make;
  const char* sentence;
};
class ImsMistakes : public testing::TestWithParam<ImsMistake> {};

TEST_P(ImsMistakes, AreNamedInOneSentence) {
  proto::ImsRemote message = Ims();
  GetParam().make(message);
  const auto remote = ToDomain(message, "ims", true);
  ASSERT_FALSE(remote.ok());
  EXPECT_THAT(remote.error(), HasSubstr(GetParam().sentence));
}
INSTANTIATE_TEST_SUITE_P(
    All, ImsMistakes,
    testing::Values(ImsMistake{[](auto& m) { m.mutable_rtp()->set_ip("example.com"); },
                               "ims.rtp.ip is \"example.com\", but must be an IPv4 or IPv6 address"},
                    ImsMistake{[](auto& m) { m.mutable_rtp()->set_ip("2001:db8::1"); },
                               "ims.rtp.ip is \"2001:db8::1\", but must be an IPv4 address, as the leg's own"},
                    ImsMistake{[](auto& m) { m.mutable_rtp()->set_ip("224.0.0.1"); },
                               "ims.rtp.ip is \"224.0.0.1\", but must be a unicast address"},
                    ImsMistake{[](auto& m) { m.mutable_rtp()->set_port(65536); },
                               "ims.rtp.port is 65536, but must be 0 to 65535"},
                    ImsMistake{[](auto& m) { m.mutable_rtcp()->set_ip("x"); }, "ims.rtcp.ip is \"x\""},
                    ImsMistake{[](auto& m) { m.set_dscp(64); }, "ims.dscp is 64, but must be 0 to 63"},
                    ImsMistake{[](auto& m) { m.mutable_audio()->mutable_send()->add_mode_set(9); },
                               "ims.audio.send.mode_set is 9, but must be 0 to 8"},
                    ImsMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_mode_change_period(3); },
                               "ims.audio.send.mode_change_period is 3, but must be 0, 1 or 2"},
                    ImsMistake{[](auto& m) { m.mutable_audio()->mutable_send()->set_channels(2); },
                               "ims.audio.send.channels is 2, but must be 0 or 1"},
                    ImsMistake{[](auto& m) {
                                 for (int i = 0; i < 17; ++i) *m.mutable_audio()->add_receive() = m.audio().send();
                               },
                               "ims.audio.receive has 18 entries, but at most 16"}));

TEST(ProtoConversion, IdsAreChecked) {
  EXPECT_TRUE(CheckSessionId("call_1-A").ok());
  EXPECT_TRUE(CheckSessionId(std::string(64, 'x')).ok());
  EXPECT_FALSE(CheckSessionId("").ok());
  EXPECT_FALSE(CheckSessionId(std::string(65, 'x')).ok());
  EXPECT_THAT(CheckSessionId("a b").error(), HasSubstr("session_id is \"a b\", but must be 1 to 64 of [A-Za-z0-9_-]"));
  EXPECT_TRUE(CheckControllerId("gw-1.example").ok());
  EXPECT_FALSE(CheckControllerId("").ok());
  EXPECT_FALSE(CheckControllerId("a b").ok());
}

TEST(ProtoConversion, DigitsAreChecked) {
  proto::SendDtmfRequest request;
  request.set_leg(proto::LEG_IMS);
  request.set_digits("12*#AD");
  auto dtmf = ToDomain(request);
  ASSERT_TRUE(dtmf.ok());
  EXPECT_EQ(std::string(dtmf->digits.begin(), dtmf->digits.end()), "12*#AD");
  EXPECT_EQ(dtmf->duration, base::TimeDelta::Milliseconds(100));
  EXPECT_EQ(dtmf->gap, base::TimeDelta::Milliseconds(70));
  request.set_duration_ms(40);
  request.set_gap_ms(6000);
  EXPECT_EQ(ToDomain(request)->duration, base::TimeDelta::Milliseconds(40));
  request.set_duration_ms(39);
  EXPECT_THAT(ToDomain(request).error(), HasSubstr("duration_ms is 39, but must be 0 or 40 to 6000"));
  request.set_duration_ms(100);
  request.set_gap_ms(6001);
  EXPECT_THAT(ToDomain(request).error(), HasSubstr("gap_ms is 6001, but must be 0 or 30 to 6000"));
  request.set_gap_ms(0);
  for (const std::string& digits : {std::string(), std::string("E"), std::string("a"), std::string(33, '1')}) {
    request.set_digits(digits);
    EXPECT_THAT(ToDomain(request).error(), HasSubstr("but must be 1 to 32 of 0-9 * # A-D"));
  }
  request.set_digits("1");
  request.set_leg(proto::LEG_UNSPECIFIED);
  EXPECT_THAT(ToDomain(request).error(), HasSubstr("leg is 0, but must be LEG_ACCESS or LEG_IMS"));
}

TEST(ProtoConversion, TonesAreChecked) {
  proto::PlayToneRequest request;
  request.set_leg(proto::LEG_ACCESS);
  request.set_tone(proto::TONE_BUSY);
  EXPECT_EQ(ToDomain(request)->tone, pipeline::Tone::kBusy);
  request.set_tone(static_cast<proto::Tone>(4));
  EXPECT_THAT(ToDomain(request).error(), HasSubstr("tone is 4, but must be 0 to 3"));
}

TEST(ProtoConversion, EveryEventHasItsMessage) {
  proto::Event event;
  EXPECT_FALSE(ToProto(session::SessionEvent(), event));
  ASSERT_TRUE(ToProto(session::IceConnected{*net::SocketAddress::Parse("192.0.2.1:9")}, event));
  EXPECT_EQ(event.ice_connected().remote().port(), 9u);
  ASSERT_TRUE(ToProto(session::DtlsConnected{srtp::SrtpProfile::kAeadAes128Gcm}, event));
  EXPECT_EQ(event.dtls_connected().srtp_profile(), "SRTP_AEAD_AES_128_GCM");
  EXPECT_EQ(event.dtls_connected().dtls_version(), "DTLSv1.2");
  ASSERT_TRUE(ToProto(session::MediaStarted{session::Leg::kIms, {"dialog-1"}}, event));
  EXPECT_EQ(event.media_started().leg(), proto::LEG_IMS);
  EXPECT_EQ(event.media_started().stream_id(), "dialog-1");
  ASSERT_TRUE(ToProto(session::DtmfReceived{session::Leg::kAccess, '#', 120}, event));
  EXPECT_EQ(event.dtmf().digit(), "#");
  EXPECT_EQ(event.dtmf().duration_ms(), 120u);
  ASSERT_TRUE(ToProto(session::MediaTimeout{session::Leg::kIms, 60'000}, event));
  EXPECT_EQ(event.media_timeout().silent_ms(), 60'000u);
  ASSERT_TRUE(ToProto(session::ConsentLost{}, event));
  EXPECT_TRUE(event.has_consent_lost());
  const std::pair<session::FailureCause, proto::FailureCause> causes[] = {
      {session::FailureCause::kDtlsHandshake, proto::FAILURE_CAUSE_DTLS_HANDSHAKE},
      {session::FailureCause::kDtlsFingerprintMismatch, proto::FAILURE_CAUSE_DTLS_FINGERPRINT_MISMATCH},
      {session::FailureCause::kDtlsNoSrtpProfile, proto::FAILURE_CAUSE_DTLS_NO_SRTP_PROFILE},
      {session::FailureCause::kDtlsClosed, proto::FAILURE_CAUSE_DTLS_CLOSED},
      {session::FailureCause::kIceTimeout, proto::FAILURE_CAUSE_ICE_TIMEOUT}};
  for (const auto& [domain, message] : causes) {
    ASSERT_TRUE(ToProto(session::SessionFailed{domain}, event));
    EXPECT_EQ(event.session_failed().cause(), message);
    EXPECT_FALSE(event.session_failed().detail().empty());
  }
}

}  // namespace
}  // namespace byon::rpc
