#include "controlplane/sip/sip_counters.h"

namespace byon::sip {

std::string_view ToString(SipCounter counter) {
  switch (counter) {
    case SipCounter::kDroppedUnknownPeer: return "dropped_unknown_peer";
    case SipCounter::kDroppedRateLimited: return "dropped_rate_limited";
    case SipCounter::kDroppedBadBranch: return "dropped_bad_branch";
    case SipCounter::kDroppedUnmatchedResponse: return "dropped_unmatched_response";
    case SipCounter::kDroppedUnmatchedAck: return "dropped_unmatched_ack";
    case SipCounter::kStrayAnswerEnded: return "stray_answer_ended";
    case SipCounter::kDroppedNotRestored: return "dropped_not_restored";
    case SipCounter::kRefusedNoTag: return "refused_no_tag";
    case SipCounter::kRefusedBadScheme: return "refused_bad_scheme";
    case SipCounter::kRefusedBadExtension: return "refused_bad_extension";
    case SipCounter::kRefusedBadBody: return "refused_bad_body";
    case SipCounter::kRefusedUnknownToken: return "refused_unknown_token";
    case SipCounter::kRefusedTrunkNumber: return "refused_trunk_number";
    case SipCounter::kRefusedNoDialog: return "refused_no_dialog";
    case SipCounter::kRefusedMethod: return "refused_method";
    case SipCounter::kRefusedIntervalTooSmall: return "refused_interval_too_small";
    case SipCounter::kRefusedOverload: return "refused_overload";
    case SipCounter::kRefusedRateLimited: return "refused_rate_limited";
    case SipCounter::kRefusedNotRestored: return "refused_not_restored";
    case SipCounter::kRefusedOldSequence: return "refused_old_sequence";
    case SipCounter::kRefusedGlare: return "refused_glare";
    case SipCounter::kRefusedBusyDialog: return "refused_busy_dialog";
    case SipCounter::kTlsRefused: return "tls_refused";
    case SipCounter::kConnectionLost: return "connection_lost";
    case SipCounter::kRegisterSent: return "register_sent";
    case SipCounter::kRegisterSucceeded: return "register_succeeded";
    case SipCounter::kRegisterFailed: return "register_failed";
    case SipCounter::kRegisterHopFailover: return "register_hop_failover";
    case SipCounter::kHopLost: return "hop_lost";
    case SipCounter::kRegisterTimeout: return "register_timeout";
    case SipCounter::kChallengeForeignRealm: return "challenge_foreign_realm";
    case SipCounter::kChallengeUnusable: return "challenge_unusable";
    case SipCounter::kAkaResync: return "aka_resync";
    case SipCounter::kAkaNotTheNetwork: return "aka_not_the_network";
    case SipCounter::kNetworkDeregistered: return "network_deregistered";
    case SipCounter::kRegEventRefused: return "reg_event_refused";
    case SipCounter::kRegEventMalformed: return "reg_event_malformed";
    case SipCounter::kRegEventDoubt: return "reg_event_doubt";
    case SipCounter::kInviteSent: return "invite_sent";
    case SipCounter::kInviteReceived: return "invite_received";
    case SipCounter::kEmergencyInviteSent: return "emergency_invite_sent";
    case SipCounter::kLocationRefused: return "location_refused";
    case SipCounter::kInviteHeldBack: return "invite_held_back";
    case SipCounter::kForkAnsweredTwice: return "fork_answered_twice";
    case SipCounter::kPrackTimeout: return "prack_timeout";
    case SipCounter::kAckTimeout: return "ack_timeout";
    case SipCounter::kSessionExpired: return "session_expired";
    case SipCounter::kOfferGlareRetry: return "offer_glare_retry";
    case SipCounter::kAnswerTimeout: return "answer_timeout";
    case SipCounter::kDigitSent: return "digit_sent";
    case SipCounter::kDigitRefused: return "digit_refused";
    case SipCounter::kDigitReceived: return "digit_received";
    case SipCounter::kDialogReplaced: return "dialog_replaced";
    case SipCounter::kRefusedReplaces: return "refused_replaces";
    case SipCounter::kReferAccepted: return "refer_accepted";
    case SipCounter::kReferRefused: return "refer_refused";
    case SipCounter::kReferNotifyRefused: return "refer_notify_refused";
    case SipCounter::kReferSent: return "refer_sent";
    case SipCounter::kReferFailed: return "refer_failed";
    case SipCounter::kReferMalformed: return "refer_malformed";
    case SipCounter::kReferSilent: return "refer_silent";
    case SipCounter::kInvalidTarget: return "invalid_target";
    case SipCounter::kMessageSent: return "message_sent";
    case SipCounter::kMessageReceived: return "message_received";
    case SipCounter::kMessageFailed: return "message_failed";
    case SipCounter::kSubscriptionRefused: return "subscription_refused";
    case SipCounter::kPublicationRefused: return "publication_refused";
    case SipCounter::kSendFailed: return "send_failed";
    case SipCounter::kCount: break;
  }
  return "unknown";
}

}  // namespace byon::sip
