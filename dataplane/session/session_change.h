#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/base/result.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/session/descriptions.h"

namespace byon::session {

// What the control thread must remember of a session's audio to prepare its next change.
struct SessionAudio {
  std::optional<AudioDescription> access;
  std::optional<AudioDescription> ims;
};

// The codecs of one leg made ready for a worker.
struct PreparedAudio {
  pipeline::ReceiveSetupPtr receive;  // decoders of what the leg receives
  pipeline::SendSetupPtr send;        // encoder of what the leg sends
  std::bitset<128> payload_types;     // that may arrive, telephone-events included
  uint32_t receive_clock_hz = 0;      // of the preferred codec
  codec::CodecFormat send_format;
  std::optional<codec::CodecFormat> receive_format;  // the preferred one
};

// New descriptions with everything that takes heap memory already built, on its way to a worker. When
// it comes back it holds what was replaced.
struct SessionChange {
  std::optional<AccessRemote> access;
  std::optional<ImsRemote> ims;
  std::optional<IceCredentials> restart_ice;
  // Present where the leg's audio changes. The access leg's halves alone come when the codec that the
  // IMS leg sends, or prefers to receive, has changed: Opus works at that codec's sample rate.
  std::optional<PreparedAudio> access_audio;
  std::optional<PreparedAudio> ims_audio;
  std::optional<pipeline::ReceiveSetupPtr> access_receive;
  std::optional<pipeline::SendSetupPtr> access_send;
};

// Builds the codecs that `descriptions` ask for, given what is known of the session, and updates
// `known`. `batch` is that of the session's worker, where AMR-WB is encoded; null: the codec library.
// Fails, with `known` as it was, when a format cannot be used. Control thread.
base::Result<std::unique_ptr<SessionChange>, codec::FormatError> PrepareSessionChange(
    SessionDescriptions descriptions, SessionAudio& known, codec::AmrWbBatch* batch = nullptr);

}  // namespace byon::session
