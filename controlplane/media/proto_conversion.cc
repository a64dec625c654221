#include "controlplane/media/proto_conversion.h"

namespace byon::media {
namespace {

proto::Direction ToProto(sdp::Direction direction) {
  switch (direction) {
    case sdp::Direction::kSendRecv: return proto::DIRECTION_SENDRECV;
    case sdp::Direction::kSendOnly: return proto::DIRECTION_SENDONLY;
    case sdp::Direction::kRecvOnly: return proto::DIRECTION_RECVONLY;
    case sdp::Direction::kInactive: return proto::DIRECTION_INACTIVE;
  }
  return proto::DIRECTION_INACTIVE;
}

void Fill(const sdp::AudioCodec& from, proto::AudioCodec& to) {
  to.set_payload_type(from.payload_type);
  to.set_encoding_name(from.encoding_name);
  to.set_clock_rate_hz(from.clock_rate_hz);
  to.set_channels(from.channels);
  to.set_octet_align(from.octet_align);
  for (uint8_t mode : from.mode_set) to.add_mode_set(mode);
  to.set_mode_change_period(from.mode_change_period);
  to.set_mode_change_neighbor(from.mode_change_neighbor);
  to.set_use_inband_fec(from.use_inband_fec);
  to.set_use_dtx(from.use_dtx);
  to.set_stereo(from.stereo);
  to.set_max_average_bitrate_bps(from.max_average_bitrate_bps);
  to.set_max_playback_rate_hz(from.max_playback_rate_hz);
  to.set_ptime_ms(from.ptime_ms);
  to.set_max_ptime_ms(from.max_ptime_ms);
}

void Fill(const sdp::AudioFormat& from, proto::AudioFormat& to) {
  Fill(from.send, *to.mutable_send());
  for (const auto& codec : from.receive) Fill(codec, *to.add_receive());
  for (const auto& event : from.telephone_events) {
    auto* added = to.add_telephone_events();
    added->set_payload_type(event.payload_type);
    added->set_clock_rate_hz(event.clock_rate_hz);
  }
  to.set_red_payload_type(from.red_payload_type.value_or(0));
}

void Fill(const sdp::TransportAddress& from, proto::SocketAddress& to) {
  to.set_ip(from.ip);
  to.set_port(from.port);
}

sdp::TransportAddress FromProto(const proto::SocketAddress& from) {
  return {from.ip(), static_cast<uint16_t>(from.port())};
}

call::MediaStats::Leg ToLeg(const proto::LegStats& from) {
  call::MediaStats::Leg leg;
  leg.codec = from.codec();
  leg.packets_received = from.packets_received();
  leg.packets_sent = from.packets_sent();
  leg.packets_lost = from.packets_lost();
  leg.jitter_ms = from.jitter_ms();
  leg.round_trip_ms = from.round_trip_ms();
  leg.playout_delay_ms = from.playout_delay_ms();
  leg.added_latency_ms = from.added_latency_ms();
  leg.concealed_frames = from.concealed_frames();
  leg.recovered_frames = from.recovered_frames();
  leg.late_packets = from.late_packets();
  leg.duplicate_packets = from.duplicate_packets();
  leg.remote_fraction_lost = from.fraction_lost_remote();
  if (from.has_quality()) {
    const proto::Quality& quality = from.quality();
    leg.quality = {quality.wideband(),           quality.r_factor(),        quality.mos_listening(),
                   quality.mos_conversational(), quality.concealed_share(), quality.loss_rate(),
                   quality.discard_rate(),       quality.one_way_delay_ms()};
  }
  if (from.has_quality_mean()) leg.mean_mos = from.quality_mean().mos_conversational();
  if (from.worst_mos() > 0) leg.worst_mos = from.worst_mos();
  if (from.has_signal_level_dbm0()) leg.signal_level_dbm0 = from.signal_level_dbm0();
  if (from.has_noise_level_dbm0()) leg.noise_level_dbm0 = from.noise_level_dbm0();
  leg.sent_codec = from.sent_codec();
  if (from.remote().has_mos_conversational()) leg.remote_mos = from.remote().mos_conversational();
  return leg;
}

}  // namespace

proto::AccessRemote ToProto(const sdp::AccessMedia& media) {
  proto::AccessRemote remote;
  remote.set_ice_ufrag(media.ice_ufrag);
  remote.set_ice_pwd(media.ice_pwd);
  for (const auto& fingerprint : media.fingerprints) {
    auto* added = remote.add_fingerprints();
    added->set_algorithm(fingerprint.algorithm);
    added->set_value(fingerprint.value);
  }
  bool is_client = media.gateway_dtls_role == sdp::DtlsRole::kClient;
  remote.set_gateway_dtls_role(is_client ? proto::DTLS_ROLE_CLIENT : proto::DTLS_ROLE_SERVER);
  Fill(media.audio, *remote.mutable_audio());
  remote.set_direction(ToProto(media.direction));
  *remote.mutable_rtcp_xr() = ToProto(media.rtcp_xr);
  return remote;
}

proto::ImsRemote ToProto(const sdp::ImsMedia& media, const call::DialogId& stream_id, bool symmetric_rtp) {
  proto::ImsRemote remote;
  if (media.rtp) Fill(*media.rtp, *remote.mutable_rtp());
  if (media.rtcp) Fill(*media.rtcp, *remote.mutable_rtcp());
  remote.set_rtcp_mux(media.rtcp_mux);
  remote.set_use_avpf(media.use_avpf);
  Fill(media.audio, *remote.mutable_audio());
  remote.set_direction(ToProto(media.direction));
  remote.set_symmetric_rtp(symmetric_rtp);
  *remote.mutable_rtcp_xr() = ToProto(media.rtcp_xr);
  if (media.rtcp_bandwidth_bps) remote.set_rtcp_bandwidth_bps(*media.rtcp_bandwidth_bps);
  remote.set_stream_id(stream_id);
  return remote;
}

proto::RtcpXr ToProto(const sdp::RtcpXr& from) {
  proto::RtcpXr xr;
  xr.set_voip_metrics(from.voip_metrics);
  xr.set_receiver_reference_time(from.receiver_reference_time);
  return xr;
}

proto::HoldAudio ToProto(const call::HoldAudio& from) {
  proto::HoldAudio audio;
  switch (from.kind) {
    case call::HoldAudio::Kind::kNone: break;
    case call::HoldAudio::Kind::kSilence: audio.set_kind(proto::HoldAudio::KIND_SILENCE); break;
    case call::HoldAudio::Kind::kComfortNoise: audio.set_kind(proto::HoldAudio::KIND_COMFORT_NOISE); break;
    case call::HoldAudio::Kind::kAnnouncement:
      audio.set_kind(proto::HoldAudio::KIND_ANNOUNCEMENT);
      audio.set_announcement(from.announcement);
      break;
  }
  audio.set_only_when_silent(from.only_when_silent);
  return audio;
}

call::MediaLocals ToLocals(const proto::Session& session) {
  call::MediaLocals locals;
  const auto& access = session.access();
  locals.access.ice_ufrag = access.ice_ufrag();
  locals.access.ice_pwd = access.ice_pwd();
  for (const auto& c : access.candidates()) {
    locals.access.candidates.push_back({c.ip(), static_cast<uint16_t>(c.port()), c.priority(), c.foundation()});
  }
  locals.access.fingerprint = {access.fingerprint().algorithm(), access.fingerprint().value()};
  locals.access.ssrc = access.ssrc();
  locals.access.cname = access.cname();
  locals.ims.rtp = FromProto(session.ims().rtp());
  locals.ims.rtcp = FromProto(session.ims().rtcp());
  locals.ims.ssrc = session.ims().ssrc();
  locals.ims.cname = session.ims().cname();
  return locals;
}

call::MediaStats ToStats(const proto::SessionStats& stats) {
  call::MediaStats result{ToLeg(stats.access()), ToLeg(stats.ims()), {}};
  for (const auto& [reason, count] : stats.drops()) result.drops[reason] = count;
  return result;
}

call::MediaEnd ToMediaEnd(proto::FailureCause cause) {
  switch (cause) {
    case proto::FAILURE_CAUSE_ICE_TIMEOUT: return call::MediaEnd::kIceFailed;
    case proto::FAILURE_CAUSE_DTLS_HANDSHAKE:
    case proto::FAILURE_CAUSE_DTLS_FINGERPRINT_MISMATCH:
    case proto::FAILURE_CAUSE_DTLS_NO_SRTP_PROFILE:
    case proto::FAILURE_CAUSE_DTLS_CLOSED: return call::MediaEnd::kDtlsFailed;
    default: return call::MediaEnd::kSessionLost;
  }
}

proto::Leg ToProto(call::Leg leg) { return leg == call::Leg::kAccess ? proto::LEG_ACCESS : proto::LEG_IMS; }

proto::Tone ToProto(call::Tone tone) {
  switch (tone) {
    case call::Tone::kNone: return proto::TONE_NONE;
    case call::Tone::kRingback: return proto::TONE_RINGBACK;
    case call::Tone::kBusy: return proto::TONE_BUSY;
    case call::Tone::kCongestion: return proto::TONE_CONGESTION;
  }
  return proto::TONE_NONE;
}

call::Leg FromProto(proto::Leg leg) { return leg == proto::LEG_IMS ? call::Leg::kIms : call::Leg::kAccess; }

}  // namespace byon::media
