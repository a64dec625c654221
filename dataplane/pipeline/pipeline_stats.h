#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/pipeline/drop_reason.h"

namespace byon::pipeline {

// Totals since the pipeline was made; "frame" is 20 ms of audio.
struct PipelineStats {
  uint64_t packets_received = 0;  // given to Insert()
  uint64_t packets_sent = 0;
  uint64_t packets_relayed = 0;  // of those: passed on as they came
  uint64_t payload_bytes_sent = 0;
  uint64_t frames_played = 0;                         // all that went to the encoder
  codec::Codec received_codec = codec::Codec::kOpus;  // of the last packet that was decoded
  codec::Codec sent_codec = codec::Codec::kOpus;      // of the last packet sent
  int received_amr_mode = -1;                         // of the last speech frame; -1 for none
  int sent_amr_mode = -1;
  uint64_t concealed_frames = 0;  // loss concealment, forward error correction not counted
  uint64_t concealment_runs = 0;  // concealed frames in a row count as one
  uint64_t recovered_frames = 0;  // by Opus in-band FEC or a copy in a later packet (RFC 2198)
  uint64_t comfort_noise_frames = 0;
  uint64_t late_packets = 0;
  uint64_t duplicate_packets = 0;
  uint64_t dtmf_received = 0;  // digits
  uint64_t dtmf_sent = 0;
  uint64_t events_lost = 0;       // for want of room until they are polled
  uint64_t source_changes = 0;    // of SSRC, or by StartNewSource()
  uint64_t removed_samples = 0;   // by time compression, at the decoder's rate
  uint64_t inserted_samples = 0;  // by time stretching
  base::TimeDelta playout_delay;  // now: of what is played against the fastest recent packet
  base::TimeDelta target_playout_delay;
  base::TimeDelta added_latency_mean;  // arrival of a packet to departure of the frame made from it
  base::TimeDelta added_latency_max;
  std::optional<float> signal_level_dbm0;  // of what is played, see SpeechLevel
  std::optional<float> noise_level_dbm0;
  std::array<uint64_t, kDropReasonCount> drops{};
};

}  // namespace byon::pipeline
