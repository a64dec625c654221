#include "tools/simphone/call_media.h"

namespace byon::simphone {
namespace {

bool Sends(MediaDirection direction) {
  return direction == MediaDirection::kSendRecv || direction == MediaDirection::kSendOnly;
}
bool Receives(MediaDirection direction) {
  return direction == MediaDirection::kSendRecv || direction == MediaDirection::kRecvOnly;
}
MediaDirection MakeDirection(bool sends, bool receives) {
  if (sends) return receives ? MediaDirection::kSendRecv : MediaDirection::kSendOnly;
  return receives ? MediaDirection::kRecvOnly : MediaDirection::kInactive;
}

}  // namespace

CallMedia::CallMedia(const PhoneConfig& config, EventLoop& loop, uint64_t seed, MediaStream::Observer observer)
    : config_(config),
      preferences_(config.codecs),
      stream_(loop, config.media_ip.empty() ? config.local_ip : config.media_ip, config.media_relay,
              config.rtp_port_base, config.rtcp_interval_ms, seed, std::move(observer)) {
  stream_.source().Play(config.play);
}

AudioDescription CallMedia::LocalDescription(std::vector<AudioFormat> formats) {
  AudioDescription description;
  description.ip = stream_.public_ip();
  description.port = stream_.local_port();
  description.direction = local_direction_;
  description.formats = std::move(formats);
  description.preconditions = preconditions_;
  description.has_rtcp_xr = config_.uses_rtcp_xr;
  description.session_version = ++version_;
  return description;
}

std::string CallMedia::MakeOffer() {
  local_direction_ = wanted_direction_;
  offered_ = MakeFormats(preferences_);
  last_local_sdp_ = LocalDescription(offered_).Serialize();
  return last_local_sdp_;
}

bool CallMedia::TakeAnswer(const std::string& sdp) {
  const auto remote = AudioDescription::Parse(sdp);
  if (!remote) return false;
  const auto picked = Negotiate(offered_, *remote);
  if (!picked) return false;
  remote_ = remote;
  negotiated_ = picked;
  negotiated_->remote_has_rtcp_xr &= config_.uses_rtcp_xr;
  Apply();
  return true;
}

std::optional<std::string> CallMedia::AnswerTo(const std::string& sdp) {
  const auto remote = AudioDescription::Parse(sdp);
  if (!remote) return std::nullopt;
  const auto picked = Negotiate(MakeFormats(preferences_), *remote);
  if (!picked) return std::nullopt;
  remote_ = remote;
  negotiated_ = picked;
  negotiated_->remote_has_rtcp_xr &= config_.uses_rtcp_xr;
  // An answer keeps the offer's payload types in both directions.
  negotiated_->receive_payload_type = picked->format.payload_type;
  negotiated_->receive_telephone_event = picked->telephone_event;
  const MediaDirection offered = Reverse(remote->direction);
  local_direction_ =
      MakeDirection(Sends(wanted_direction_) && Sends(offered), Receives(wanted_direction_) && Receives(offered));
  last_local_sdp_ = LocalDescription(AnswerFormats(*negotiated_)).Serialize();
  Apply();
  return last_local_sdp_;
}

void CallMedia::AllowSending(bool is_allowed) {
  may_send_ = is_allowed;
  if (negotiated_) Apply();
}

void CallMedia::Apply() {
  const bool has_address = remote_->port != 0 && remote_->ip != "0.0.0.0" && remote_->ip != "::";
  const bool sends = may_send_ && has_address && Sends(local_direction_) && Receives(remote_->direction);
  stream_.Configure(*negotiated_, sends);
}

}  // namespace byon::simphone
