#pragma once

#include <cstdint>
#include <string>

#include "tools/simphone/session_description.h"

namespace byon::simphone {

// What one SIM phone is and how it behaves unless a command says otherwise.
struct PhoneConfig {
  std::string number;            // +E.164
  std::string password;          // digest
  std::string private_identity;  // IMPI; empty: number@domain
  std::string domain = "ims.test";
  std::string pcscf = "127.0.0.10:5060";
  std::string local_ip = "127.0.0.31";
  uint16_t sip_port = 5060;
  std::string media_ip;     // empty: local_ip
  std::string media_relay;  // empty: none; else all media goes through this address, ports unchanged
  uint16_t rtp_port_base = 20000;
  std::string imei = "35209900-176148-0";  // RFC 7254, without the check digit
  int expires_s = 3600;
  bool traces_sip = false;  // every message to standard error

  CodecPreferences codecs;
  bool use_preconditions = false;
  bool use_100rel = true;
  int rtcp_interval_ms = 2000;
  bool uses_rtcp_xr = false;  // RFC 3611 both ways

  int auto_answer_ms = -1;         // -1: ring until a command
  int reject_code = 0;             // 0: do not reject
  bool rings = true;               // 180 at once
  bool plays_early_media = false;  // 183 with SDP and media before the answer
  bool publishes_dialogs = false;  // which calls it is in (RFC 4235)
  int session_expires_s = 0;       // 0: no session timer asked for

  std::string play;    // WAV file, "tones", or empty for silence
  std::string record;  // WAV file for the first call; empty: none
};

}  // namespace byon::simphone
