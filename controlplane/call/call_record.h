#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/call/media_control.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/call/status.h"
#include "controlplane/sdp/media_types.h"

namespace byon::call {

// Whose call it is.
struct CallOwner {
  std::string registration_id;
  std::string client_id;
  std::string user;
  std::string device_id;
};

// Which part a call has in what its user sees as one conversation.
enum class Part : uint8_t {
  kDevice,    // a device talks here
  kAway,      // the device has left: its partner is joined in its place
  kPhoneLeg,  // the partner: towards the phone, or another number
  kReferral,  // towards whom the network sends us to; once it has given its dialog away, what the old one ends in
  kMove,      // asks the network to move the partner; has neither a dialog nor media
  kFork,      // what the network called, while devices and phone ring for it; kAway once the phone has it
};

// What a call has to do with emergency services.
enum class Emergency : uint8_t {
  kNone,
  kCall,      // placed as one
  kAnswered,  // an ordinary call that such a service has
  kCallback,  // the service calls back (RFC 7090)
};

// Everything of a call that a successor of this process needs to go on with it.
struct CallRecord {
  CallId id;
  CallOwner owner;
  SipBinding binding;
  bool is_originating = true;
  bool is_confirmed = false;  // the 200 was sent or has come
  std::string originator_address;
  std::string originator_name;
  std::optional<Assurance> originator_assurance;  // of an incoming call's caller, unless he is withheld
  std::string receiver_address;
  std::string receiver_name;
  Status status = Status::kInitial;
  std::string reason;
  std::string client_correlator;  // under which the client asked for it; empty: none
  std::optional<std::string> offer_sdp;
  std::optional<std::string> answer_sdp;
  int sequence_number = 0;
  std::chrono::system_clock::time_point created_at;
  std::optional<std::chrono::system_clock::time_point> connected_at;

  std::string dialog_snapshot;  // the signalling's own
  std::string sip_call_id;      // of the dialog, as the network names it
  DialogId dialog_id;           // whose media is used
  uint64_t sdp_session_id = 0;
  uint64_t ims_sdp_version = 1;  // of our last description to the network
  uint64_t web_sdp_version = 1;  // of our last description to the browser
  MediaLocals locals;
  std::optional<sdp::AccessMedia> access;  // the browser's end
  std::optional<sdp::ImsMedia> ims;        // the network's end
  bool is_held_locally = false;
  bool is_held_remotely = false;

  Emergency emergency = Emergency::kNone;
  Part part = Part::kDevice;
  std::optional<std::chrono::seconds> max_duration;  // shorter than the configuration's
  CallId partner;        // kAway, kPhoneLeg: the other one; kDevice: where it is being moved to
  CallId signalling_id;  // of a dialog that began as another call; empty: the call's own id
};

}  // namespace byon::call
