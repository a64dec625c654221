#include "dataplane/pipeline/transcoding_pipeline.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/pipeline/pipeline_state.h"

namespace byon::pipeline {

// ---- Changes ----------------------------------------------------------------------------------------

ReceiveSetupPtr TranscodingPipeline::State::SetReceive(ReceiveSetupPtr setup) {
  event_receiver_.Reset();
  last_cmr_.reset();
  StopRelay();
  setup = playout_.SetReceive(std::move(setup));
  PlanRelay();
  return setup;
}

SendSetupPtr TranscodingPipeline::State::SetSend(SendSetupPtr setup) {
  BYON_CHECK(!is_encoding_, "formats change between two ticks");
  std::swap(send_, setup);
  StopRelay();
  PlanRelay();
  remote_loss_ = 0;  // the new encoder knows of none
  dtmf_.Abort();
  NoteSounds();
  is_marker_due_ = true;
  if (send_) {
    stream_.SetClockRate(send_->clock_rate_hz());
    // The network's limit holds on in a new description of the same codec.
    const bool is_same_codec = setup && setup->format().codec.codec == send_->format().codec.codec;
    if (!is_same_codec) {
      applied_cmr_.reset();
      mode_limit_.reset();
      mode_request_ = codec::kNoModeRequest;
    }
    if (applied_cmr_ || mode_limit_) ApplyModes();
    send_->encoder().SetModeRequest(mode_request_);
  }
  return setup;
}

void TranscodingPipeline::State::ApplyModes() {
  if (!send_) return;
  // Above every mode: no limit.
  const uint8_t requested = applied_cmr_ ? applied_cmr_->mode : codec::kNoModeRequest;
  send_->encoder().RequestMode(std::min(requested, mode_limit_.value_or(codec::kNoModeRequest)));
}

void TranscodingPipeline::State::StartNewSource() {
  ++stats_.source_changes;
  has_started_ = false;
  last_cmr_.reset();
  event_receiver_.Reset();
  resampler_.Reset();
  StopRelay();
  relay_.Forget();
  playout_.StartNewSource();
}

// ---- The public face --------------------------------------------------------------------------------

TranscodingPipeline::TranscodingPipeline(const PipelineConfig& config) : state_(std::make_unique<State>(config)) {}
TranscodingPipeline::~TranscodingPipeline() = default;

void TranscodingPipeline::Prefetch() const { base::Prefetch(state_.get(), State::kHotBytes); }

ReceiveSetupPtr TranscodingPipeline::SetReceive(ReceiveSetupPtr setup) { return state_->SetReceive(std::move(setup)); }
SendSetupPtr TranscodingPipeline::SetSend(SendSetupPtr setup) { return state_->SetSend(std::move(setup)); }
std::optional<DropReason> TranscodingPipeline::Insert(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                                      PacketSink* relay) {
  return state_->Insert(packet, arrival, relay);
}
size_t TranscodingPipeline::StartTick(base::Timestamp now, PacketSink& sink) { return state_->StartTick(now, sink); }
size_t TranscodingPipeline::FinishTick(PacketSink& sink) { return state_->FinishTick(sink); }
void TranscodingPipeline::StartNewSource() { state_->StartNewSource(); }

void TranscodingPipeline::SetReceiveActive(bool is_active) {
  if (state_->is_receive_active_ && !is_active) state_->playout_.StartNewSource();
  state_->is_receive_active_ = is_active;
}
void TranscodingPipeline::SetSendActive(bool is_active) { state_->is_send_active_ = is_active; }
void TranscodingPipeline::SetMuted(bool is_muted) { state_->is_muted_ = is_muted; }
void TranscodingPipeline::SetSendSilence(bool is_on) { state_->is_sending_silence_ = is_on; }
void TranscodingPipeline::PlayTone(Tone tone) {
  state_->tone_.Start(tone);
  state_->NoteSounds();
}
void TranscodingPipeline::PlayClip(const AudioClip* clip, bool loop) {
  state_->clip_.Start(clip, loop);
  state_->NoteSounds();
}
void TranscodingPipeline::SetHoldAudio(const HoldAudio& audio) {
  state_->hold_.Set(audio);
  state_->NoteSounds();
}

bool TranscodingPipeline::CanSendDtmf() const { return state_->send_ && state_->send_->telephone_event() != nullptr; }
bool TranscodingPipeline::SendDtmf(std::string_view digits, base::TimeDelta duration, base::TimeDelta gap) {
  if (!CanSendDtmf()) return false;
  const bool is_queued = state_->dtmf_.Queue(digits, duration, gap);
  state_->NoteSounds();
  return is_queued;
}

std::optional<PipelineEvent> TranscodingPipeline::PollEvent() { return state_->PollEvent(); }

std::optional<CodecModeRequest> TranscodingPipeline::TakeReceivedCmr() {
  return std::exchange(state_->received_cmr_, std::nullopt);
}
void TranscodingPipeline::ApplyCmr(CodecModeRequest request) {
  state_->applied_cmr_ = request;
  state_->ApplyModes();
}
void TranscodingPipeline::ForgetCmr() {
  state_->applied_cmr_.reset();
  state_->mode_limit_.reset();
  state_->ApplyModes();
}
void TranscodingPipeline::SetModeLimit(uint8_t mode) {
  if (state_->mode_limit_ == mode) return;
  state_->mode_limit_ = mode;
  state_->ApplyModes();
}
void TranscodingPipeline::SetModeRequest(std::optional<uint8_t> mode) {
  const uint8_t request = mode.value_or(codec::kNoModeRequest);
  if (state_->mode_request_ == request) return;
  state_->mode_request_ = request;
  if (state_->send_) state_->send_->encoder().SetModeRequest(request);
}
void TranscodingPipeline::SetRemoteLoss(double fraction) {
  // Asked for with every tick: no encoder is looked up for no news.
  if (fraction == 0 && state_->remote_loss_ == 0) return;
  state_->remote_loss_ = fraction;
  if (state_->send_) state_->send_->encoder().SetExpectedLoss(fraction);
}

bool TranscodingPipeline::is_relaying() const { return state_->is_relaying(); }
rtp::Ssrc TranscodingPipeline::ssrc() const { return state_->stream_.ssrc(); }
uint32_t TranscodingPipeline::send_clock_rate_hz() const { return state_->send_ ? state_->stream_.clock_rate_hz() : 0; }
rtp::RtpTimestamp TranscodingPipeline::TimestampAt(base::Timestamp now) const {
  return state_->stream_.TimestampAt(now);
}
const PipelineStats& TranscodingPipeline::stats() const { return state_->stats_; }

}  // namespace byon::pipeline
