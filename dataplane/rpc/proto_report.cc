#include "dataplane/rpc/proto_report.h"

#include <string>
#include <string_view>
#include <variant>

namespace byon::rpc {
namespace {

void ToProto(const quality::QualityEstimate& estimate, proto::Quality& message) {
  message.set_wideband(estimate.is_wideband);
  message.set_r_factor(estimate.r_factor);
  message.set_mos_listening(estimate.mos_listening);
  message.set_mos_conversational(estimate.mos_conversational);
  message.set_concealed_share(estimate.concealed_share);
  message.set_burst_ratio(estimate.burst_ratio);
  message.set_loss_rate(estimate.loss_rate);
  message.set_discard_rate(estimate.discard_rate);
  message.set_one_way_delay_ms(estimate.one_way_delay_ms);
}

void ToProto(const rtp::VoipMetrics& metrics, proto::RemoteMetrics& message) {
  message.set_loss_rate(metrics.loss_rate / 256.0);
  message.set_discard_rate(metrics.discard_rate / 256.0);
  message.set_end_system_delay_ms(metrics.end_system_delay_ms);
  constexpr uint8_t kUnavailable = rtp::VoipMetrics::kUnavailable;
  if (metrics.r_factor != kUnavailable) message.set_r_factor(metrics.r_factor);
  if (metrics.mos_lq != kUnavailable) message.set_mos_listening(metrics.mos_lq / 10.0);
  if (metrics.mos_cq != kUnavailable) message.set_mos_conversational(metrics.mos_cq / 10.0);
}

void ToProto(const session::LegStats& stats, proto::LegStats& message) {
  message.set_packets_received(stats.packets_received);
  message.set_bytes_received(stats.bytes_received);
  message.set_packets_sent(stats.packets_sent);
  message.set_bytes_sent(stats.bytes_sent);
  message.set_packets_lost(stats.packets_lost);
  message.set_fraction_lost_remote(stats.fraction_lost_remote);
  message.set_jitter_ms(stats.jitter_ms);
  message.set_round_trip_ms(stats.round_trip_ms);
  message.set_playout_delay_ms(stats.playout_delay_ms);
  message.set_concealed_frames(stats.concealed_frames);
  message.set_recovered_frames(stats.recovered_frames);
  message.set_late_packets(stats.late_packets);
  message.set_duplicate_packets(stats.duplicate_packets);
  message.set_dtmf_received(stats.dtmf_received);
  message.set_codec(std::string(stats.codec.view()));
  message.set_added_latency_ms(stats.added_latency_ms);
  if (stats.quality) ToProto(*stats.quality, *message.mutable_quality());
  if (stats.quality_mean) ToProto(*stats.quality_mean, *message.mutable_quality_mean());
  message.set_worst_mos(stats.worst_mos);
  message.mutable_burst_gap()->set_burst_density(stats.burst_gap.bursts().density());
  message.mutable_burst_gap()->set_burst_length(stats.burst_gap.bursts().length());
  message.mutable_burst_gap()->set_gap_density(stats.burst_gap.gaps().density());
  message.mutable_burst_gap()->set_gap_length(stats.burst_gap.gaps().length());
  message.set_fraction_discarded(stats.fraction_discarded);
  if (stats.remote) ToProto(*stats.remote, *message.mutable_remote());
  if (stats.signal_level_dbm0) message.set_signal_level_dbm0(double{*stats.signal_level_dbm0});
  if (stats.noise_level_dbm0) message.set_noise_level_dbm0(double{*stats.noise_level_dbm0});
  message.set_sent_codec(std::string(stats.sent_codec.view()));
}

proto::Leg ToProto(session::Leg leg) { return leg == session::Leg::kAccess ? proto::LEG_ACCESS : proto::LEG_IMS; }

proto::FailureCause ToProto(session::FailureCause cause) {
  switch (cause) {
    case session::FailureCause::kDtlsHandshake: return proto::FAILURE_CAUSE_DTLS_HANDSHAKE;
    case session::FailureCause::kDtlsFingerprintMismatch: return proto::FAILURE_CAUSE_DTLS_FINGERPRINT_MISMATCH;
    case session::FailureCause::kDtlsNoSrtpProfile: return proto::FAILURE_CAUSE_DTLS_NO_SRTP_PROFILE;
    case session::FailureCause::kDtlsClosed: return proto::FAILURE_CAUSE_DTLS_CLOSED;
    case session::FailureCause::kIceTimeout: return proto::FAILURE_CAUSE_ICE_TIMEOUT;
  }
  return proto::FAILURE_CAUSE_UNSPECIFIED;
}

std::string_view DetailOf(session::FailureCause cause) {
  switch (cause) {
    case session::FailureCause::kDtlsHandshake: return "the DTLS handshake did not succeed";
    case session::FailureCause::kDtlsFingerprintMismatch:
      return "the peer's certificate does not fit the fingerprint of its description";
    case session::FailureCause::kDtlsNoSrtpProfile: return "the peer agreed on no SRTP profile";
    case session::FailureCause::kDtlsClosed: return "the peer closed the DTLS association";
    case session::FailureCause::kIceTimeout: return "no connectivity check of the peer succeeded in time";
  }
  return "";
}

}  // namespace

void ToProto(const net::SocketAddress& address, proto::SocketAddress& message) {
  message.set_ip(address.ip.ToString());
  message.set_port(address.port);
}

void ToProto(const session::SessionStats& stats, proto::SessionStats& message) {
  ToProto(stats.access, *message.mutable_access());
  ToProto(stats.ims, *message.mutable_ims());
  for (size_t i = 0; i < session::DropCounters::kSize; ++i) {
    if (stats.drops.at(i) == 0) continue;
    (*message.mutable_drops())[std::string(session::DropCounters::Name(i))] = stats.drops.at(i);
  }
}

void ToProto(uint32_t worker, const worker::WorkerStats& stats, proto::WorkerStats& message) {
  message.set_worker(worker);
  message.set_sessions(stats.sessions);
  message.set_packets_received(stats.packets_received);
  message.set_packets_sent(stats.packets_sent);
  message.set_handed_over(stats.handed_over);
  message.set_loops(stats.loops);
  message.set_busy_ns(stats.busy_ns);
  message.set_late_ticks(stats.late_ticks);
}

proto::TransportState ToProto(session::TransportState state) {
  switch (state) {
    case session::TransportState::kNew: return proto::TRANSPORT_STATE_NEW;
    case session::TransportState::kIceConnected: return proto::TRANSPORT_STATE_ICE_CONNECTED;
    case session::TransportState::kDtlsConnected: return proto::TRANSPORT_STATE_DTLS_CONNECTED;
    case session::TransportState::kConsentLost: return proto::TRANSPORT_STATE_CONSENT_LOST;
    case session::TransportState::kFailed: return proto::TRANSPORT_STATE_FAILED;
  }
  return proto::TRANSPORT_STATE_NEW;
}

bool ToProto(const session::SessionEvent& event, proto::Event& message) {
  struct Visitor {
    proto::Event& message;
    bool operator()(const std::monostate&) const { return false; }
    bool operator()(const session::IceConnected& e) const {
      rpc::ToProto(e.remote, *message.mutable_ice_connected()->mutable_remote());
      return true;
    }
    bool operator()(const session::DtlsConnected& e) const {
      auto& connected = *message.mutable_dtls_connected();
      connected.set_srtp_profile(std::string(srtp::ProfileName(e.profile)));
      connected.set_dtls_version("DTLSv1.2");  // the only one spoken
      return true;
    }
    bool operator()(const session::MediaStarted& e) const {
      message.mutable_media_started()->set_leg(ToProto(e.leg));
      message.mutable_media_started()->set_stream_id(std::string(e.stream_id.view()));
      return true;
    }
    bool operator()(const session::DtmfReceived& e) const {
      message.mutable_dtmf()->set_leg(ToProto(e.leg));
      message.mutable_dtmf()->set_digit(std::string(1, e.digit));
      message.mutable_dtmf()->set_duration_ms(e.duration_ms);
      return true;
    }
    bool operator()(const session::MediaTimeout& e) const {
      message.mutable_media_timeout()->set_leg(ToProto(e.leg));
      message.mutable_media_timeout()->set_silent_ms(e.silent_ms);
      return true;
    }
    bool operator()(const session::ConsentLost&) const {
      message.mutable_consent_lost();
      return true;
    }
    bool operator()(const session::AnnouncementEnded& e) const {
      message.mutable_announcement_ended()->set_leg(ToProto(e.leg));
      message.mutable_announcement_ended()->set_playback_id(std::string(e.playback_id.view()));
      return true;
    }
    bool operator()(const session::SessionFailed& e) const {
      message.mutable_session_failed()->set_cause(ToProto(e.cause));
      message.mutable_session_failed()->set_detail(std::string(DetailOf(e.cause)));
      return true;
    }
  };
  return std::visit(Visitor{message}, event);
}

}  // namespace byon::rpc
