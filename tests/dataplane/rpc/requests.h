#pragma once

#include <string>

#include "media_control.pb.h"

namespace byon::rpc {

namespace proto = ::byon::media::v1;

inline std::string FingerprintText() {
  std::string text = "00";
  for (int i = 1; i < 32; ++i) text += ":0A";
  return text;
}

inline proto::AudioFormat OpusAudio() {
  proto::AudioFormat audio;
  audio.mutable_send()->set_payload_type(111);
  audio.mutable_send()->set_encoding_name("OPUS");
  audio.mutable_send()->set_clock_rate_hz(48000);
  audio.mutable_send()->set_channels(2);
  audio.mutable_send()->set_use_inband_fec(true);
  *audio.add_receive() = audio.send();
  auto& event = *audio.add_telephone_events();
  event.set_payload_type(110);
  event.set_clock_rate_hz(48000);
  return audio;
}

inline proto::AudioFormat AmrWbAudio() {
  proto::AudioFormat audio;
  audio.mutable_send()->set_payload_type(98);
  audio.mutable_send()->set_encoding_name("AMR-WB");
  audio.mutable_send()->set_clock_rate_hz(16000);
  audio.mutable_send()->set_channels(1);
  for (const uint32_t mode : {0u, 2u, 8u}) audio.mutable_send()->add_mode_set(mode);
  *audio.add_receive() = audio.send();
  auto& event = *audio.add_telephone_events();
  event.set_payload_type(101);
  event.set_clock_rate_hz(16000);
  return audio;
}

inline proto::AccessRemote Access() {
  proto::AccessRemote access;
  access.set_ice_ufrag("abcd");
  access.set_ice_pwd("abcdefghijklmnopqrstuv");
  auto& fingerprint = *access.add_fingerprints();
  fingerprint.set_algorithm("sha-256");
  fingerprint.set_value(FingerprintText());
  access.set_gateway_dtls_role(proto::DTLS_ROLE_CLIENT);
  *access.mutable_audio() = OpusAudio();
  access.set_direction(proto::DIRECTION_SENDRECV);
  return access;
}

inline proto::ImsRemote Ims() {
  proto::ImsRemote ims;
  ims.mutable_rtp()->set_ip("192.0.2.1");
  ims.mutable_rtp()->set_port(5004);
  *ims.mutable_audio() = AmrWbAudio();
  ims.set_direction(proto::DIRECTION_SENDRECV);
  ims.set_stream_id("dialog-1");
  return ims;
}

}  // namespace byon::rpc
