#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/sip_traffic.h"

namespace byon::sip {

// What the SIP side counts. The first block are reasons why a message of a peer was dropped or
// refused before any call or registration saw it.
enum class SipCounter : uint8_t {
  kDroppedUnknownPeer,        // source address not in the allow-list
  kDroppedRateLimited,        // token bucket of the peer is empty
  kDroppedBadBranch,          // top Via without an RFC 3261 branch
  kDroppedUnmatchedResponse,  // response that belongs to no transaction
  kDroppedUnmatchedAck,
  kStrayAnswerEnded,         // a 200 to an INVITE that no call waits for any more: ACK and BYE
  kDroppedNotRestored,       // for a dialog, while those of before the restart are still being restored
  kRefusedNoTag,             // 400: no tag in From
  kRefusedBadScheme,         // 416
  kRefusedBadExtension,      // 420
  kRefusedBadBody,           // 415
  kRefusedUnknownToken,      // 404
  kRefusedTrunkNumber,       // 404 or 480: a number that only calls out
  kRefusedNoDialog,          // 481
  kRefusedMethod,            // 405, 403, 489, 501
  kRefusedIntervalTooSmall,  // 422
  kRefusedOverload,          // 503
  kRefusedRateLimited,       // 503: the token bucket of the peer's new requests is empty
  kRefusedNotRestored,       // 480, 500, 503: registrations are still being restored
  kRefusedOldSequence,       // 500, CSeq out of order
  kRefusedGlare,             // 491, 500 with Retry-After
  kRefusedBusyDialog,        // 500 with Retry-After: more requests in one call than a call has use for
  kTlsRefused,               // a TLS handshake failed: certificate, name, version or time
  kConnectionLost,           // a TLS connection of ours ended: its registrations are renewed
  // Registrations.
  kRegisterSent,
  kRegisterSucceeded,
  kRegisterFailed,
  kRegisterHopFailover,
  kHopLost,  // a P-CSCF that was good answers no OPTIONS: its registrations move
  kRegisterTimeout,
  kChallengeForeignRealm,  // digest asked for a realm that is not ours: not answered
  kChallengeUnusable,      // no algorithm, qop or password for it
  kAkaResync,              // an ISIM's sequence numbers and the network's had parted
  kAkaNotTheNetwork,       // an AKA challenge that is not signed with the ISIM's key
  kNetworkDeregistered,
  kRegEventRefused,
  kRegEventMalformed,
  kRegEventDoubt,  // a REGISTER to see whether a contact is there that no document names
  // Calls.
  kInviteSent,
  kInviteReceived,
  kEmergencyInviteSent,  // of the INVITEs sent
  kLocationRefused,      // 424: sent again without
  kInviteHeldBack,       // the P-CSCF wants no calls for a while (Retry-After)
  kForkAnsweredTwice,    // 200 of another fork: ACK and BYE
  kPrackTimeout,
  kAckTimeout,
  kSessionExpired,
  kOfferGlareRetry,
  kAnswerTimeout,  // the call logic did not answer a re-INVITE or UPDATE
  kDigitSent,      // INFO
  kDigitRefused,
  kDigitReceived,
  kDialogReplaced,   // INVITE with Replaces, taken
  kRefusedReplaces,  // 400, 481, 486, 491: of no dialog, or of one that cannot be replaced now
  kReferAccepted,
  kReferRefused,        // 400, 416, 481, 491, 603: malformed, or to where calls may not go
  kReferNotifyRefused,  // whoever sent the REFER does not listen any more
  kReferSent,
  kReferFailed,     // a REFER of ours, or what it asked for
  kReferMalformed,  // 400, 489: a NOTIFY of one that says nothing
  kReferSilent,     // nobody told how it goes
  kInvalidTarget,   // a URI or number that may not go into a SIP message
  // Messages and events.
  kMessageSent,
  kMessageReceived,
  kMessageFailed,
  kSubscriptionRefused,  // presence or dialog
  kPublicationRefused,
  kSendFailed,  // the stack refused to build or send a request
  kCount,
};

// snake_case metric name, e.g. "dropped_unknown_peer".
std::string_view ToString(SipCounter counter);

// Written by the SIP threads, read by anyone.
class SipCounters {
 public:
  SipTraffic traffic;

  void Add(SipCounter counter) { values_[static_cast<size_t>(counter)].fetch_add(1, std::memory_order_relaxed); }
  uint64_t Get(SipCounter counter) const {
    return values_[static_cast<size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, static_cast<size_t>(SipCounter::kCount)> values_{};
};

}  // namespace byon::sip
