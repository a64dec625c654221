#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::session {

// Why a datagram died between the packet I/O and the rooms that know its format, or on its way out.
enum class DropReason : uint8_t {
  kUnknownPort,           // no session has this local port
  kUnknownClass,          // first byte belongs to no protocol of RFC 7983 that is spoken here
  kUnexpectedClass,       // STUN or DTLS on a plain RTP port
  kUnverifiedSource,      // DTLS, or SRTP of nobody known, from an address that passed no ICE check
  kUnverifiedOverBudget,  // SRTP from such addresses, above the tags that are tried for them
  kMediaOverBudget,       // SRTP or SRTCP above what a client may send
  kImsMediaOverBudget,    // RTP or RTCP above what the IMS may send for a call
  kNoSrtpKeys,            // SRTP before the handshake ended
  kDtlsNotExpected,       // DTLS after the association failed
  kDtlsTooLarge,          // above the 1500 bytes a handshake message carries
  kDtlsOverBudget,        // the session's share of the handshake thread is used up
  kHandshakeBusy,         // the ring to the handshake thread is full
  kNoRemote,              // RTP on the IMS leg before its remote end was described
  kStrangeSource,         // RTP or RTCP from another address than the IMS remote's
  kRtpOnRtcpPort,
  kRtcpOnRtpPort,   // and rtcp-mux was not agreed
  kNotReceiving,    // the leg's direction forbids it (hold)
  kNoDestination,   // a packet to send and no selected pair or remote address
  kNoTxBuffer,      // the packet I/O lent no buffer
  kTooLargeToSend,  // a packet that leaves no room for its SRTP tag
  kLeftCall,        // media of a browser whose call goes on without it (joined sessions)
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kLeftCall) + 1;

// The counter's name, "session_unknown_port".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::session
