#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/call/party.h"

namespace byon::call {

// Our name of a call on every interface: the CAMARA mediaSessionId, 128 random bits in hex.
using CallId = std::string;

// One dialog of a call, named by the remote tag (RFC 3261 section 12). An outgoing INVITE that
// forks has several early dialogs; each has its own SDP.
using DialogId = std::string;

// What a SIP registration gave us that every later request of its user needs.
struct SipBinding {
  std::string registration_id;
  std::string impu;                          // sip:+34600000001@ims.example
  std::string contact_token;                 // user part of our Contact, opaque and unguessable
  std::string instance_id;                   // urn:uuid:...
  std::string next_hop;                      // URI of the P-CSCF, with an IP address
  std::vector<std::string> service_route;    // RFC 3608, in order
  std::vector<std::string> associated_uris;  // RFC 7315 section 4.1, first is the default IMPU
};

// A dialog that the receiver of an INVITE is to end for it (RFC 3891 section 6.1); the tags as that receiver sees them.
struct ReplacedDialog {
  std::string call_id;
  std::string to_tag;
  std::string from_tag;
  bool is_early_only = false;
  bool operator==(const ReplacedDialog&) const = default;
};

// What makes an INVITE an emergency call (TS 24.229 section 5.1.6.8); its target is the service URN.
struct EmergencyInvite {
  std::string location;  // application/pidf+xml (RFC 6442); empty: none
};

// One party that a call was for before, and why it went on.
struct Diversion {
  enum class Reason { kUnknown, kUnconditional, kBusy, kNoAnswer, kUnreachable, kDeflection };
  std::string uri;  // empty: withheld
  Reason reason = Reason::kUnknown;
  bool operator==(const Diversion&) const = default;
};

// Who calls, as the network has told us, withheld or not: to be passed on where the call goes on to somebody else.
struct CallerIdentity {
  std::string from_uri;                    // of From; empty: unusable
  std::string display_name;                // of From
  std::vector<std::string> asserted_uris;  // of P-Asserted-Identity
  std::string privacy;                     // Privacy (RFC 3323), as it came; empty: nothing is withheld
};

enum class DiversionHeader : uint8_t { kNone, kDiversion, kHistoryInfo };

// How the leg to a user's phone is sent, where the gateway forks.
struct ForwardPolicy {
  std::string next_hop;         // SIP URI with an IP address; empty: the registration's way
  bool asserts_caller = false;  // the next hop takes our word for who calls (RFC 3325); so does a trusted node's core
  DiversionHeader diversion = DiversionHeader::kNone;
};

// What makes an INVITE one of the caller's that goes on to the phone of the user whom it was for, and no call of ours.
struct ForwardedCall {
  CallerIdentity caller;
  std::string called_uri;               // the user's
  std::vector<Diversion> diversions{};  // before
  std::string from_tag{};               // of the INVITE
  int max_forwards = 70;                // what is left of it
  bool is_psap_callback = false;
  ForwardPolicy policy{};
};

struct OutgoingInvite {
  CallId call_id;
  SipBinding binding;
  std::string target_uri;     // tel:+34... or sip:+34...@home;user=phone
  std::string display_name;   // unverified; may be empty
  bool is_anonymous = false;  // Privacy: id and an anonymous From (RFC 3323, RFC 3325)
  std::string sdp;            // our offer
  // +sip.instance of devices that are not to be alerted (Reject-Contact, RFC 3841).
  std::vector<std::string> excluded_instances{};
  // Over the interconnection (NNI) instead of the core's access: without a registration, as a number that the gateway
  // vouches for. Of the binding the IMPU, the contact token and the associated URIs count.
  bool uses_trunk = false;
  std::optional<EmergencyInvite> emergency{};
  std::optional<ReplacedDialog> replaces{};  // asked for with Require: replaces
  bool names_target_dialog = false;          // it is named by Target-Dialog (RFC 4538) in place of Replaces
  std::string referred_by{};                 // URI of who sent us there (RFC 3892); empty: nobody
  std::optional<ForwardedCall> forwarded{};
};

// A REFER in a call's dialog: the other side wants us to call somebody else in its place (RFC 3515).
struct Referral {
  std::string target_uri;  // of Refer-To, without its header fields
  std::optional<ReplacedDialog> replaces{};
  std::string referred_by{};
};

// A REFER of ours: the network is asked to move a call (RFC 3515), which is named by its dialog.
struct OutgoingReferral {
  CallId id;           // by which its outcome is told
  SipBinding binding;  // in whose name; not used within a dialog
  // The call whose confirmed dialog is named, and by what: Replaces (RFC 3891) or Target-Dialog (RFC 4538).
  CallId named;
  bool names_target_dialog = false;
  // Named in the REFER itself, which goes to the element that has the dialog; else in the header fields of Refer-To.
  bool is_to_holder = false;
  CallId within{};         // the call in whose confirmed dialog it is sent; empty: outside of any
  std::string target_uri;  // Request-URI; within a dialog its remote target
  std::string refer_to_uri;
  // +sip.instance of devices that the call is not to go to (Reject-Contact, RFC 3841).
  std::vector<std::string> excluded_instances{};
};

// A device that is registered for the number, as its registration state names it (RFC 3680, RFC 5628).
struct RegisteredDevice {
  std::string gruu;         // public GRUU, harmless in a message; empty: none
  std::string instance_id;  // urn:uuid:...; empty: not told
  bool is_phone = false;    // registered for calls: audio, or the service identifier of telephony
};

struct IncomingInvite {
  std::string contact_token;  // which registration the network reached
  Party caller{};
  std::string called_uri;          // P-Called-Party-ID, else To
  std::optional<std::string> sdp;  // absent: offerless INVITE, our offer goes into 183 or 200
  bool supports_100rel = false;
  bool supports_precondition = false;
  bool is_psap_callback = false;        // Priority: psap-callback (RFC 7090): an emergency service calls back
  std::vector<Diversion> diversions{};  // who sent the call on, the first one first (RFC 7044, RFC 5806)
  CallerIdentity caller_identity{};
  // Of the INVITE: Call-ID, tag of From, the caller's half of Session-ID (RFC 7989; our own leg's call id where it has
  // come back to us) and Max-Forwards.
  std::string sip_call_id{};
  std::string from_tag{};
  std::string session_id{};
  int max_forwards = 70;
  std::string charging_id{};  // icid of P-Charging-Vector (RFC 7315 section 4.6); empty: not told
};

// A response to our INVITE below 200.
struct Progress {
  DialogId dialog_id;  // empty when the response carried no To tag
  int status_code = 0;
  std::string phrase;
  std::optional<std::string> sdp;
  std::optional<std::string> early_media;  // P-Early-Media, RFC 5009
  bool is_reliable = false;                // RFC 3262; the PRACK is sent by the signalling
};

// Why a call leg ended, from Reason (RFC 3326) or the final response.
struct EndReason {
  int sip_status = 0;         // final response, or cause of Reason: SIP; 0 when unknown
  int q850_cause = 0;         // cause of Reason: Q.850; 0 when absent
  std::string text;           // phrase, or text of Reason
  std::string service_urn{};  // with kEmergencyServiceText, where the network names the service
};

// EndReason::text of final responses whose body TS 24.229 gives a meaning (section 5.1.2A.1.6):
// 380, the number is an emergency number; 504, the network has forgotten the registration. No phrase of a peer has a
// colon.
inline constexpr char kEmergencyServiceText[] = "alternative-service: emergency";
inline constexpr char kRestorationText[] = "alternative-service: restoration";

// SIP for calls, as the call logic sees it. All methods are called on the gateway's strand and
// never block; outcomes come back through SipSignalingObserver on the same strand. Transactions,
// ACK, PRACK, route sets, session timers (RFC 4028) and retransmission are the signalling's
// business; SDP is opaque to it. A call id that is unknown or already ended is ignored.
class SipSignaling {
 public:
  virtual ~SipSignaling() = default;

  // Caller side.
  virtual void Invite(OutgoingInvite invite) = 0;
  // CANCEL when the INVITE is pending; BYE when the 200 crosses it.
  virtual void Cancel(const CallId& call_id, const EndReason& reason) = 0;

  // Callee side.
  // 18x with or without SDP; sent reliably when the caller supports 100rel.
  virtual void SendProgress(const CallId& call_id, int status_code, std::optional<std::string> sdp) = 0;
  virtual void Accept(const CallId& call_id, std::string sdp) = 0;
  virtual void Reject(const CallId& call_id, int status_code, const EndReason& reason) = 0;

  // Either side, within a dialog (empty dialog id: the confirmed one).
  // UPDATE in an early dialog, re-INVITE (or UPDATE when that is all the peer allows) in a
  // confirmed one.
  virtual void SendOffer(const CallId& call_id, const DialogId& dialog_id, std::string sdp) = 0;
  // Answers the peer's pending re-INVITE or UPDATE; no SDP refuses it with 488.
  virtual void SendAnswer(const CallId& call_id, const DialogId& dialog_id, std::optional<std::string> sdp) = 0;
  // Digits of 0-9 * # A-D in the confirmed dialog by INFO (application/dtmf-relay), for networks that take no
  // telephone-event. Not answered: what is refused is counted.
  virtual void SendDigits(const CallId& call_id, const std::string& digits) = 0;
  // Where the caller is now (application/pidf+xml), to an emergency service: UPDATE with Geolocation in this dialog,
  // also an early one (RFC 6442, TS 24.229 section 5.1.3.1). OnLocationAnswered follows.
  virtual void SendLocation(const CallId& call_id, const DialogId& dialog_id, std::string document) = 0;
  // Answers the pending OnReferral: 202 takes it up, 4xx and 6xx refuse it.
  virtual void AnswerReferral(const CallId& call_id, int status_code) = 0;
  // How the call that was asked for goes: the status line of its responses, told by NOTIFY unless the peer wants none
  // (RFC 4488). A final one is the last. The dialog may have ended meanwhile.
  virtual void ReportReferral(const CallId& call_id, int status_code, const std::string& phrase) = 0;
  virtual void Bye(const CallId& call_id, const EndReason& reason) = 0;

  // Moving calls by the network. The devices that are registered for the number now; OnDevices follows within seconds.
  virtual void FindDevices(const CallId& call_id, const SipBinding& binding) = 0;
  // OnReferred follows.
  virtual void Refer(OutgoingReferral referral) = 0;
  // Nobody wants to hear of it any more. What was asked for may happen all the same: SIP knows no way to take it back.
  virtual void LeaveReferral(const CallId& id) = 0;

  // Rebuilds a confirmed dialog from the last snapshot given to OnDialogChanged.
  virtual void Restore(const CallId& call_id, const std::string& dialog_snapshot) = 0;
};

class SipSignalingObserver {
 public:
  virtual ~SipSignalingObserver() = default;

  // A new incoming call. Returns the id it goes by from now on, or nothing when the token is
  // unknown (the signalling then answers 480). 100 Trying has been sent.
  virtual std::optional<CallId> OnIncomingInvite(IncomingInvite invite) = 0;

  virtual void OnProgress(const CallId& call_id, Progress progress) = 0;
  // 200 to our INVITE; the ACK has been sent, other early dialogs have been ended.
  virtual void OnAnswered(const CallId& call_id, const DialogId& dialog_id, std::optional<std::string> sdp) = 0;
  // P-Early-Media of a request or an answer to one within an early dialog of our INVITE (RFC 5009 section 8): PRACK,
  // UPDATE.
  virtual void OnEarlyMedia(const CallId&, const DialogId&, const std::string& /*directions*/) {}
  // Who the network says has the call, as asserted in a response to our INVITE: a URI of any scheme. Once for each that
  // is new.
  virtual void OnAsserted(const CallId&, const std::string& /*uri*/) {}
  // How the network calls it: its Call-ID, and the icid under which its charging records speak of it (RFC 7315 section
  // 4.6; empty: not known). Again when one changes.
  virtual void OnNamed(const CallId&, const std::string& /*sip_call_id*/, const std::string& /*charging_id*/) {}
  // Our call was sent on: by whom, the first one first, and to whom; empty: withheld. Again when that changes.
  virtual void OnDiverted(const CallId&, std::vector<Diversion>, const std::string& /*target_uri*/) {}
  // Final non-2xx to our INVITE (after redirection and restoration were dealt with).
  virtual void OnFailed(const CallId& call_id, EndReason reason) = 0;
  // The caller gave up, or another device answered: reason.sip_status 200 is "completed elsewhere".
  virtual void OnCancelled(const CallId& call_id, EndReason reason) = 0;

  // Our 200 to an incoming INVITE was acknowledged.
  virtual void OnConfirmed(const CallId& call_id) = 0;
  // The peer's re-INVITE or UPDATE carries an offer; answer with SendAnswer. No SDP: an offerless
  // re-INVITE, SendAnswer carries our offer and the answer arrives through OnRemoteAnswer.
  virtual void OnRemoteOffer(const CallId& call_id, const DialogId& dialog_id, std::optional<std::string> sdp) = 0;
  // The answer to SendOffer, or to our offer in a response to an offerless INVITE (PRACK or ACK).
  virtual void OnRemoteAnswer(const CallId& call_id, const DialogId& dialog_id, std::string sdp) = 0;
  // SendOffer was refused (status_code, 491 included after its retries) or timed out (408).
  virtual void OnOfferFailed(const CallId& call_id, const DialogId& dialog_id, int status_code) = 0;
  // The SDP of SendOffer had to wait, and an exchange of the peer's came first: it was not sent, and is to be made anew
  // (RFC 3264 section 8: newer than what was answered meanwhile). Or SendAnswer came too late: both sides are to be
  // made one again.
  virtual void OnOfferStale(const CallId& call_id, const DialogId& dialog_id) = 0;

  // The final response to SendLocation; 405 where the peer takes no UPDATE.
  virtual void OnLocationAnswered(const CallId& call_id, int status_code) = 0;
  // An INVITE of the network took the place of the call's dialog (Replaces, RFC 3891): its offer came by OnRemoteOffer
  // and was answered, the old dialog ends by itself. It may have been an early one of a call of ours, which is answered
  // by this. `party`: who is there now.
  virtual void OnReplaced(const CallId& call_id, const DialogId& dialog_id, Party party) = 0;
  // A REFER; answered with AnswerReferral. One at a time.
  virtual void OnReferral(const CallId& call_id, Referral referral) = 0;
  // None: the network does not tell.
  virtual void OnDevices(const CallId&, std::vector<RegisteredDevice>) {}
  // How it goes with a REFER of ours. Below 200: it was taken up, and this is how far it is. Else once, and the last:
  // 2xx, it is done; the REFER was refused, or what it asked for has failed; 408, nobody told of it in time.
  virtual void OnReferred(const CallId& /*id*/, int /*status_code*/, std::string /*phrase*/) {}
  // A digit of 0-9 * # A-D by INFO.
  virtual void OnDigit(const CallId& call_id, char digit, int duration_ms) = 0;

  virtual void OnEnded(const CallId& call_id, EndReason reason) = 0;  // BYE, or the dialog died
  // Everything needed to go on with this dialog after a restart; opaque, to be kept with the call.
  // `sip_call_id`: its Call-ID, by which others speak of it.
  virtual void OnDialogChanged(const CallId& call_id, std::string dialog_snapshot, std::string sip_call_id) = 0;
};

}  // namespace byon::call
