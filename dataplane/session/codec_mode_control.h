#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/pipeline/mode_adapter.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/session/rtcp_reporter.h"

namespace byon::session {

// AMR and AMR-WB modes on the IMS leg, both ways: obeys the peer's codec mode requests, lowers our
// encoder's mode when its receiver reports tell of loss, and asks the peer for a lower mode when what
// comes from it is lost (RFC 4867 sections 3.3 and 4.3.1).
class CodecModeControl {
 public:
  // Loss of the peer's stream is judged over this.
  static constexpr base::TimeDelta kInterval = base::TimeDelta::Seconds(2);
  static constexpr uint64_t kLeastPackets = 20;  // fewer in an interval say nothing

  // New formats of the IMS leg. What was learnt about the same codec and modes stays.
  void SetFormats(const std::optional<codec::CodecFormat>& send, const std::optional<codec::CodecFormat>& receive);
  // Another far end: its requests and losses are its own.
  void StartNewSource(pipeline::TranscodingPipeline& towards_ims);

  void HandleTick(const RtcpReporter& ims, pipeline::TranscodingPipeline& from_ims,
                  pipeline::TranscodingPipeline& towards_ims, base::Timestamp now);

  // The mode that the peer is asked for, when it is asked.
  std::optional<uint8_t> requested_mode() const;

 private:
  struct Modes {
    codec::Codec codec;
    uint16_t modes;
    bool operator==(const Modes&) const = default;
  };
  static std::optional<Modes> ModesOf(const std::optional<codec::CodecFormat>& format);
  void JudgePeersStream(const RtcpReporter& ims, base::Timestamp now);

  std::optional<Modes> send_modes_;
  std::optional<Modes> receive_modes_;
  pipeline::ModeAdapter own_;   // of our encoder
  pipeline::ModeAdapter peer_;  // of the peer's
  uint64_t reports_seen_ = 0;
  std::optional<base::Timestamp> interval_end_;
  uint64_t expected_before_ = 0;
  int64_t lost_before_ = 0;
};

}  // namespace byon::session
