#include "dataplane/session/codec_mode_control.h"

#include <algorithm>

#include "dataplane/codec/amr_payload.h"

namespace byon::session {

std::optional<CodecModeControl::Modes> CodecModeControl::ModesOf(const std::optional<codec::CodecFormat>& format) {
  const bool is_amr = format && (format->codec == codec::Codec::kAmr || format->codec == codec::Codec::kAmrWb);
  if (!is_amr) return std::nullopt;
  return Modes{format->codec, codec::EffectiveModeSet(format->codec, format->amr.mode_set)};
}

void CodecModeControl::SetFormats(const std::optional<codec::CodecFormat>& send,
                                  const std::optional<codec::CodecFormat>& receive) {
  const auto update = [](std::optional<Modes>& known, const std::optional<Modes>& modes,
                         pipeline::ModeAdapter& adapter) {
    if (known == modes) return;
    known = modes;
    modes ? adapter.Start(modes->codec, modes->modes) : adapter.Stop();
  };
  update(send_modes_, ModesOf(send), own_);
  // A request travels in payloads of our own: both ways must speak the same codec.
  auto receive_modes = ModesOf(receive);
  if (!send_modes_ || !receive_modes || receive_modes->codec != send_modes_->codec) {
    receive_modes.reset();
  }
  update(receive_modes_, receive_modes, peer_);
}

void CodecModeControl::StartNewSource(pipeline::TranscodingPipeline& towards_ims) {
  if (send_modes_) own_.Start(send_modes_->codec, send_modes_->modes);
  if (receive_modes_) peer_.Start(receive_modes_->codec, receive_modes_->modes);
  interval_end_.reset();
  towards_ims.ForgetCmr();
}

std::optional<uint8_t> CodecModeControl::requested_mode() const {
  if (!peer_.is_on() || !peer_.has_adapted()) return std::nullopt;
  return peer_.mode();
}

void CodecModeControl::HandleTick(const RtcpReporter& ims, pipeline::TranscodingPipeline& from_ims,
                                  pipeline::TranscodingPipeline& towards_ims, base::Timestamp now) {
  if (const auto request = from_ims.TakeReceivedCmr()) towards_ims.ApplyCmr(*request);
  if (own_.is_on() && ims.sender().reports_received() != reports_seen_) {
    reports_seen_ = ims.sender().reports_received();
    own_.OnLoss(ims.sender().remote_fraction_lost(), now);
    if (own_.has_adapted()) towards_ims.SetModeLimit(own_.mode());
  }
  if (peer_.is_on() && (!interval_end_ || now >= *interval_end_)) JudgePeersStream(ims, now);
  towards_ims.SetModeRequest(requested_mode());
}

void CodecModeControl::JudgePeersStream(const RtcpReporter& ims, base::Timestamp now) {
  const int64_t lost = ims.packets_lost();
  const auto expected =
      static_cast<uint64_t>(std::max<int64_t>(0, static_cast<int64_t>(ims.packets_received()) + lost));
  const bool has_interval = interval_end_.has_value();
  const auto expected_now = static_cast<int64_t>(expected - expected_before_);
  const int64_t lost_now = lost - lost_before_;
  interval_end_ = now + kInterval;
  expected_before_ = expected;
  lost_before_ = lost;
  if (!has_interval || expected_now < static_cast<int64_t>(kLeastPackets)) return;
  peer_.OnLoss(std::clamp(static_cast<double>(lost_now) / static_cast<double>(expected_now), 0.0, 1.0), now);
}

}  // namespace byon::session
