#pragma once

#include <optional>
#include <string>

#include "tools/simphone/media_stream.h"
#include "tools/simphone/phone_config.h"
#include "tools/simphone/session_description.h"

namespace byon::simphone {

// The offer/answer side of one call's audio (RFC 3264) and the stream it sets up.
class CallMedia {
 public:
  CallMedia(const PhoneConfig& config, EventLoop& loop, uint64_t seed, MediaStream::Observer observer);

  // An offer with the present preferences and direction.
  std::string MakeOffer();
  // Takes the answer to our last offer; false when it has nothing in common with it.
  [[nodiscard]] bool TakeAnswer(const std::string& sdp);
  // Answers an offer and switches to what was agreed; nullopt: nothing in common (488).
  std::optional<std::string> AnswerTo(const std::string& sdp);

  // What the user wants: sendrecv, or sendonly to hold.
  void SetDirection(MediaDirection direction) { wanted_direction_ = direction; }
  void SetCodecs(const CodecPreferences& preferences) { preferences_ = preferences; }
  void MoveToNewPort() { stream_.MoveToNewPort(); }
  // Before the answer a called phone sends nothing unless it plays early media.
  void AllowSending(bool is_allowed);
  // What the phone says about its own resources in its next description.
  void SetPreconditions(std::optional<Preconditions> state) { preconditions_ = state; }

  const std::optional<NegotiatedAudio>& negotiated() const { return negotiated_; }
  const std::optional<AudioDescription>& remote() const { return remote_; }
  const std::string& last_local_sdp() const { return last_local_sdp_; }
  MediaStream& stream() { return stream_; }

 private:
  AudioDescription LocalDescription(std::vector<AudioFormat> formats);
  void Apply();

  const PhoneConfig& config_;
  CodecPreferences preferences_;
  MediaStream stream_;
  MediaDirection wanted_direction_ = MediaDirection::kSendRecv;
  MediaDirection local_direction_ = MediaDirection::kSendRecv;
  std::optional<Preconditions> preconditions_;
  std::vector<AudioFormat> offered_;
  std::optional<NegotiatedAudio> negotiated_;
  std::optional<AudioDescription> remote_;
  std::string last_local_sdp_;
  uint32_t version_ = 0;
  bool may_send_ = true;
};

}  // namespace byon::simphone
