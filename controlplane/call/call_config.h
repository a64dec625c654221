#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controlplane/call/media_control.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/sdp/ims_negotiator.h"
#include "controlplane/sdp/web_rtc_negotiator.h"

namespace byon::call {

// What becomes of a call for help (TS 24.229 section 5.1.6).
struct EmergencyConfig {
  bool is_routed = false;      // sent to the network as an emergency call; else refused: "use your phone"
  bool needs_location = true;  // one without is refused
  // Which service answers a number, where it is not urn:service:sos (RFC 5031).
  std::map<std::string, std::string> services{};
};

// How a call changes between a device and the user's phone.
struct MoveConfig {
  enum class ToPhone : uint8_t {
    kJoin,     // a second call to the own number, joined with the first here
    kInterUe,  // the network moves it (TS 24.337 clause 10)
    kRefer,    // as kJoin; then the far end is asked to call the phone itself (RFC 5589 section 7)
  };
  ToPhone to_phone = ToPhone::kJoin;
  bool pulls_by_server = false;      // a call of the phone is taken over through the server, not at the own number
  std::string server_uri{};          // Inter UE Transfer SCC AS URI (TS 24.337 clause 3.1)
  bool refers_to_server = false;     // the REFER goes to the server (clause 10.2.1.2), else to the phone (10.2.1.1)
  bool names_target_dialog = false;  // by Target-Dialog, else by Replaces; what goes to the server always is
  bool finds_phone = false;          // the phone's GRUU is asked for before it is called
};

// A core that does not ring the user's phone beside its other devices leaves that to the gateway.
struct ForkConfig {
  bool is_here = false;
  std::string phone;  // URI of a number's phone: {number} is +E164, {digits} the same without the +
  ForwardPolicy policy{};
};

// Validated at start; see config/controlplane.yaml for what each value means to an operator.
struct CallConfig {
  sdp::WebRtcConfig web_rtc;
  sdp::ImsConfig ims;
  // Of the sip: addresses that stand for numbers without a country code.
  std::string home_domain = "ims.example";
  // Numbers of emergency services besides 112 and 911.
  std::vector<std::string> emergency_numbers;
  // What begins like one of these is not called either, whoever asks: "+34806", "00", "*".
  std::vector<std::string> barred_prefixes;
  EmergencyConfig emergency{};
  MoveConfig move{};
  ForkConfig fork{};
  std::chrono::seconds ring_timeout{120};  // no final answer: NoAnswer
  // Contacting the network: an INVITE that nobody has answered at all for so long has failed.
  std::chrono::seconds progress_timeout{20};
  // From Connected to ICE and DTLS up; then the call is ended.
  std::chrono::seconds media_setup_timeout{15};
  std::chrono::seconds tombstone{60};  // an ended call can still be read for so long
  std::chrono::seconds max_duration{12 * 3600};
  // Status of DELETE on an incoming call: 603 stops every device of the number, 486 and 480 this
  // one.
  int decline_status = 603;
  bool is_call_waiting_allowed = true;                      // else a second call is answered 486
  bool plays_ringback = true;                               // 180 without early media
  HoldAudio hold_audio{.kind = HoldAudio::Kind::kSilence};  // what a held side hears
  // The browser gets its answer with 180 already, so that ICE and DTLS are up before the 200.
  bool answers_with_ringing = true;
  // Digits go by INFO where the network's side takes no telephone-event.
  bool sends_digits_by_info = false;
  uint32_t max_calls_per_registration = 2;
  uint32_t max_calls_per_user = 4;
  size_t max_calls = 0;  // of all users together; 0: no bound
};

}  // namespace byon::call
