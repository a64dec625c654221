#include "controlplane/sip/calls/outgoing_call.h"

#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/sip/calls/forwarded_call.h"
#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/text/precondition_lines.h"
#include "controlplane/sip/text/reginfo.h"
#include "controlplane/sip/text/replaces.h"
#include "controlplane/sip/text/session_id.h"

namespace byon::sip {

using call::CallId;
using call::EndReason;
using call::SipSignalingObserver;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr char kSdpType[] = "application/sdp";
constexpr size_t kMaxForks = 40;  // IR.92 section 2.2.5
constexpr uint64_t kMaxIntervalS = 86'400;
// Three INVITEs over UDP without so much as a 100: another element is asked for help meanwhile.
constexpr seconds kEmergencyHopPatience{3};

// Other networks read a number in a SIP URI only where that says it is one (RFC 3261 section 19.1.6).
std::string AsPhone(const std::string& uri) {
  return uri.starts_with("sip:+") && uri.find(';') == std::string::npos ? uri + ";user=phone" : uri;
}

bool IsUsable(const call::OutgoingInvite& invite) {
  const call::SipBinding& binding = invite.binding;
  const bool are_routes_safe = std::all_of(binding.service_route.begin(), binding.service_route.end(), IsSafeText);
  if (invite.replaces && !FormatReplaces(*invite.replaces)) return false;
  const bool is_target_safe = invite.emergency ? IsServiceUrn(invite.target_uri) : IsSafeUri(invite.target_uri);
  return is_target_safe && IsSafeUri(binding.impu) && are_routes_safe &&
         IsSafeUri("sip:" + binding.contact_token + "@x") && !binding.contact_token.empty() &&
         IsSafeUri(binding.next_hop) &&
         std::all_of(invite.excluded_instances.begin(), invite.excluded_instances.end(), IsSafeText);
}

}  // namespace

OutgoingCall::OutgoingCall(ShardContext& context, CallTable& table, uint64_t key)
    : Call(context, table, key),
      session_expires_(context.config.session_expires),
      min_se_(context.config.min_session_expires),
      timer_(context.thread) {}

OutgoingCall::~OutgoingCall() { table_.UnindexInvite(sip_call_id_); }

void OutgoingCall::Start(call::OutgoingInvite invite) {
  invite_ = std::move(invite);
  id_ = invite_.call_id;
  table_.IndexId(*id_, key_);
  session_id_ = SessionUuidOf(*id_);
  own_charging_id_ = RandomHex(16);
  if (invite_.uses_trunk) ApplyTrunk();
  if (invite_.emergency) ApplyEmergency();
  if (invite_.forwarded && !invite_.forwarded->policy.next_hop.empty()) {
    invite_.binding.next_hop = invite_.forwarded->policy.next_hop;
    invite_.binding.service_route.clear();
  }
  // The hop is chosen when the call is sent; that there is one is all that matters before.
  if (has_choice() && !choice_.uris->empty()) invite_.binding.next_hop = choice_.uris->front();
  if (!IsUsable(invite_)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return Fail({.sip_status = 484, .q850_cause = 0, .text = "Address Incomplete"});
  }
  const call::SipBinding& binding = invite_.binding;
  if (!invite_.uses_trunk) impi_ = table_.registrations().ImpiOf(binding.registration_id);
  // The public GRUU would name whom the caller hides (RFC 5627 section 3.1.2).
  const std::string contact = invite_.is_anonymous ? context_.RegisteredContact(binding.contact_token)
                                                   : context_.ContactAddress(binding.contact_token);
  contact_ = contact + ";+g.3gpp.icsi-ref=\"" + kMmtelIcsi + "\";audio";
  if (invite_.forwarded) {
    local_address_ = ForwardedFrom(invite_.forwarded->caller);
  } else if (invite_.is_anonymous) {
    local_address_ = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
  } else {
    const std::string name = QuoteDisplayName(invite_.display_name);
    // As whom the call is also asserted: a barred IMPU, or one made of an IMSI, is for no callee to see.
    const std::string own = ClaimedSipIdentity(binding.impu, binding.associated_uris);
    local_address_ = (name == "\"\"" ? "" : name + " ") + "<" + (invite_.uses_trunk ? AsPhone(own) : own) + ">";
  }
  if (has_choice()) {
    UseNextHop();
    return SendInvite();
  }
  const auto hop = context_.hop_list.Find(binding.next_hop);
  if (hop && !invite_.emergency && context_.call_hold.IsHeld(*hop, SipThread::Clock::now())) {
    context_.counters.Add(SipCounter::kInviteHeldBack);
    return Fail({.sip_status = 503, .q850_cause = 0, .text = "Service Unavailable"});
  }
  Name();
  const bool is_trusted_node = context_.config.profile == SipProfile::kTrustedNode;
  if (!is_trusted_node || binding.service_route.empty()) {
    routes_.push_back("<" + binding.next_hop + ";lr>");
  }
  routes_.insert(routes_.end(), binding.service_route.begin(), binding.service_route.end());
  SendInvite();
}

// A call gets a name of its own for each network element that it is shown to anew.
void OutgoingCall::Name() {
  if (!sip_call_id_.empty()) table_.UnindexInvite(sip_call_id_);
  sip_call_id_ = RandomHex(16);
  local_tag_ = RandomHex(8);
  table_.IndexInvite(sip_call_id_, key_);
}

void OutgoingCall::AddIdentity(std::string& headers) {
  if (invite_.forwarded) {
    const bool is_trusted =
        invite_.forwarded->policy.asserts_caller || context_.config.profile == SipProfile::kTrustedNode;
    return AddForwardedHeaders(headers, *invite_.forwarded, invite_.target_uri, is_trusted);
  }
  const call::SipBinding& binding = invite_.binding;
  const auto& uris = binding.associated_uris;
  const auto usable = [](const std::string& uri) { return IsSafeUri(uri); };
  const std::string identity = ClaimedIdentity(binding.impu, uris);
  // Who takes emergency calls from us knows us by our address, and may have to call back.
  const bool is_known_to_hop = invite_.emergency && has_choice();
  const bool is_trusted = invite_.uses_trunk || context_.config.profile == SipProfile::kTrustedNode;
  if (is_trusted || is_known_to_hop) {
    std::string asserted = "<" + (invite_.uses_trunk ? AsPhone(identity) : identity) + ">";
    const auto tel = std::find_if(uris.begin(), uris.end(),
                                  [&](const std::string& uri) { return uri.starts_with("tel:") && usable(uri); });
    const auto number = call::PhoneNumberOf(identity);
    if (tel != uris.end() && *tel != identity) {
      asserted += ", <" + *tel + ">";
    } else if (tel == uris.end() && invite_.emergency && number && !identity.starts_with("tel:")) {
      asserted += ", <tel:" + *number + ">";  // by which such a service calls back
    }
    AddHeader(headers, "P-Asserted-Identity", asserted);
    if (!invite_.emergency) AddHeader(headers, "P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel");
    std::string vector = "icid-value=" + Quote(own_charging_id_) + ";icid-generated-at=" + context_.LocalHost();
    const SipTrunk& trunk = context_.config.trunk;
    const std::string& ioi = invite_.uses_trunk ? trunk.originating_ioi : context_.config.originating_ioi;
    if (!ioi.empty()) vector += ";orig-ioi=" + Quote(ioi);
    if (!invite_.uses_trunk || trunk.has_charging_vector) {
      AddHeader(headers, "P-Charging-Vector", vector);
      TellNames(own_charging_id_);
    }
  }
  if (!is_trusted && !is_known_to_hop) {
    AddHeader(headers, "P-Preferred-Identity", "<" + identity + ">");
    if (!invite_.emergency) AddHeader(headers, "P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel");
  }
  if (invite_.is_anonymous) AddHeader(headers, "Privacy", "id");
}

// What of Supported is asked for with the first request only: 199 of forks that end (RFC 6228 section 4), and GRUUs
// where the Contact is one (RFC 5627 section 4.4). Preconditions are not required (TS 24.229 section 5.1.3.1).
std::string OutgoingCall::Extensions() const {
  std::string extensions =
      SupportedExtensions(context_.config, context_.config.precondition && !is_without_preconditions_) + ", 199";
  return contact_.find(";gr") == std::string::npos ? extensions : extensions + ", gruu";
}

std::string OutgoingCall::BuildHeaders() {
  std::string h;
  for (const std::string& route : routes_) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", std::to_string(invite_.forwarded ? invite_.forwarded->max_forwards : 70));
  AddHeader(h, "From", local_address_ + ";tag=" + local_tag_);
  AddHeader(h, "To", "<" + invite_.target_uri + ">");
  AddHeader(h, "Call-ID", sip_call_id_);
  AddHeader(h, "Session-ID", FormatSessionId(session_id_, ""));
  AddHeader(h, "CSeq", std::to_string(++cseq_) + " INVITE");
  AddHeader(h, "Contact", contact_);
  AddIdentity(h);
  // What a UE says of its device and its access is none of the other network's business.
  if (!invite_.uses_trunk && !invite_.emergency)
    AddHeader(h, "Accept-Contact", std::string("*;+g.3gpp.icsi-ref=\"") + kMmtelIcsi + "\"");
  for (const std::string& instance : invite_.excluded_instances) {
    AddHeader(h, "Reject-Contact", "*;+sip.instance=\"<" + instance + ">\"");
  }
  if (!invite_.uses_trunk && !invite_.forwarded)
    AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  AddHeader(h, "P-Early-Media", "supported");
  if (invite_.replaces) {
    // One that does not know it would begin a second call in place of taking the first over.
    const bool is_target = invite_.names_target_dialog;
    const auto dialog = is_target ? FormatTargetDialog(*invite_.replaces) : FormatReplaces(*invite_.replaces);
    AddHeader(h, is_target ? "Target-Dialog" : "Replaces", dialog.value_or(""));
    AddHeader(h, "Require", is_target ? "tdialog" : "replaces");
  }
  if (IsSafeUri(invite_.referred_by)) AddHeader(h, "Referred-By", "<" + invite_.referred_by + ">");
  AddHeader(h, "Supported", Extensions());
  AddHeader(h, "Allow", AllowedMethods(context_.config));
  AddHeader(h, "Accept", "application/sdp, application/3gpp-ims+xml, multipart/mixed");
  if (session_expires_.count() > 0) {
    AddHeader(h, "Session-Expires", std::to_string(session_expires_.count()));
    AddHeader(h, "Min-SE", std::to_string(min_se_.count()));
  }
  if (has_location()) {  // RFC 6442
    AddHeader(h, "Geolocation", "<cid:" + LocationId() + ">");
    AddHeader(h, "Geolocation-Routing", "yes");
  }
  h += authorization_;
  return h;
}

void OutgoingCall::SendInvite() {
  authorization_ = credentials_.Authorize(context_, "INVITE", invite_.target_uri, impi_);
  RequestText request{.method = "INVITE",
                      .uri = invite_.target_uri,
                      .headers = BuildHeaders(),
                      .body = has_location() ? BodyWithLocation() : invite_.sdp,
                      .content_type = has_location() ? MultipartType() : kSdpType,
                      .route = context_.WireDestination(routes_, invite_.target_uri, invite_.binding.next_hop)};
  TellNames(names_.second);
  context_.counters.Add(SipCounter::kInviteSent);
  transaction_ =
      context_.transactions.Send(request, [this, hops = hops_tried_.size()](int status, const MessageView& response) {
        hops == hops_tried_.size() ? HandleResponse(status, response) : HandleLeftHop(hops, status);
      });
  if (transaction_ == nullptr) {
    return Fail({.sip_status = 500, .q850_cause = 0, .text = "Request could not be sent"});
  }
  const milliseconds patience = context_.config.timers.invite_deadline;
  const bool has_other = invite_.emergency && has_choice() && hops_tried_.size() < choice_.uris->size();
  timer_.Set(has_other ? std::min<milliseconds>(patience, kEmergencyHopPatience) : patience, [this] {
    if (has_response_ || state_ != State::kCalling) return;
    if (LeaveHop({}, false)) return;
    Cancel({.sip_status = 408, .q850_cause = 0, .text = "No answer from the network"});
    Fail(ReasonOfSilence({.sip_status = 408, .q850_cause = 0, .text = "Request Timeout"}));
  });
}

// The P-CSCF is gone. Where there is another, the call goes that way once the number is registered there, as after a
// restoration that the network asks for (TS 23.380 section 5).
EndReason OutgoingCall::ReasonOfSilence(EndReason otherwise) {
  // Nobody tells a trusted node, which is its own P-CSCF, that its S-CSCF is gone: an initial registration gets it
  // another (TS 23.380 section 4.3.4).
  const bool is_scscf =
      context_.config.profile == SipProfile::kTrustedNode && !has_choice() && !invite_.binding.service_route.empty();
  if (is_scscf) {
    table_.registrations().RequireInitial(invite_.binding.registration_id);
    return {.sip_status = 504, .q850_cause = 0, .text = call::kRestorationText};
  }
  if (has_choice()) return otherwise;  // no registration that could be made anew
  if (const auto hop = context_.hop_list.Find(invite_.binding.next_hop)) {
    const auto now = SipThread::Clock::now();
    context_.hops.ReportSilence(*hop, now);
    if (context_.hops.Choose(*hop, now)) {
      table_.registrations().RequireInitial(invite_.binding.registration_id);
      return {.sip_status = 504, .q850_cause = 0, .text = call::kRestorationText};
    }
  }
  return otherwise;
}

void OutgoingCall::HandleResponse(int status, const MessageView& response) {
  // Made up by the stack: nobody listens at the P-CSCF's address.
  if (response.is_empty() && !has_response_ && state_ == State::kCalling) {
    if (LeaveHop({}, true)) return;
    transaction_.reset();
    return Fail(ReasonOfSilence({.sip_status = status, .q850_cause = 0, .text = "The network cannot be reached"}));
  }
  has_response_ = true;
  if (has_choice() && status != 503) choice_.health->ReportAnswer(hops_tried_.back());
  if (!has_choice()) ReportBusiness(status, response);
  if (state_ == State::kCalling) {
    TellAsserted(response);
    TellDiverted(status, response);
    // The network's own where it has told one: its records are found by that.
    const std::string charging_id = ParseChargingId(response.Header("P-Charging-Vector").value_or(""));
    if (!charging_id.empty()) TellNames(charging_id);
  }
  if (status < 200) return HandleProgress(status, response);
  if (status < 300) return HandleAnswer(response);
  HandleFailure(status, response);
}

// Whether the P-CSCF wants more calls (RFC 3261 section 21.5.4). A 100 says only that it is there.
void OutgoingCall::ReportBusiness(int status, const MessageView& response) {
  const auto hop = context_.hop_list.Find(invite_.binding.next_hop);
  if (!hop || status <= 100) return;
  const auto retry_after = status == 503 ? response.Number("Retry-After", kMaxIntervalS) : std::nullopt;
  if (retry_after) return context_.call_hold.ReportBusy(*hop, seconds(*retry_after), SipThread::Clock::now());
  if (status != 503) context_.call_hold.ReportAnswer(*hop);
}

Dialog& OutgoingCall::DialogOf(const MessageView& response) {
  const std::string tag = response.to_tag();
  Dialog* dialog = Find(tag);
  if (dialog == nullptr) {
    dialog = &AddDialog({.shard = context_.shard,
                         .call_id = sip_call_id_,
                         .local_tag = local_tag_,
                         .remote_tag = tag,
                         .local_address = local_address_,
                         .remote_address = response.to(),
                         .local_cseq = std::max(cseq_, left_cseq_),
                         .contact = contact_,
                         .next_hop = invite_.binding.next_hop,
                         .impi = impi_,
                         .session_id = session_id_,
                         .owns_call_id = true,
                         .timer = {},
                         .local_sdp = invite_.sdp,
                         .remote_sdp = {}});
  }
  // Until the dialog is confirmed each response may still complete its route set (RFC 3261 13.2.2.4).
  if (!dialog->is_confirmed()) {
    const auto routes = response.RouteSet(true);
    if (!routes.empty()) dialog->state().route_set = routes;
    dialog->UpdateFrom(response);
  }
  return *dialog;
}

void OutgoingCall::LeaveDialog(const std::string& tag) {
  if (const Dialog* dialog = Find(tag)) left_cseq_ = std::max(left_cseq_, dialog->state().local_cseq);
  RemoveDialog(tag);
}

void OutgoingCall::HandleProgress(int status, const MessageView& response) {
  if (state_ != State::kCalling) return;
  // A 100 begins no dialog, whatever tag it has (RFC 3261 section 12.1).
  call::Progress progress{.dialog_id = status > 100 ? response.to_tag() : std::string(),
                          .status_code = status,
                          .phrase = response.phrase(),
                          .sdp = response.sdp(),
                          .early_media = response.Header("P-Early-Media"),
                          .is_reliable = false};
  if (!progress.dialog_id.empty()) {
    if (forks_.size() >= kMaxForks && !forks_.contains(progress.dialog_id)) return;
    Dialog& dialog = DialogOf(response);
    Fork& fork = forks_[progress.dialog_id];
    // Nothing that a later response says of the media counts (RFC 3261 section 13.2.1): an UPDATE may have changed it
    // since.
    if (fork.has_reliable_answer) progress.sdp.reset();
    const auto rseq = response.Number("RSeq", UINT32_MAX);
    if (rseq && response.Lists("Require", "100rel")) {
      // RFC 3262 section 4: in order; a repeated one has its PRACK under way, a later one comes again.
      const bool is_next = !fork.last_rseq || *rseq == uint64_t{*fork.last_rseq} + 1;
      if (!is_next || dialog.state().remote_target.empty()) return;
      fork.last_rseq = static_cast<uint32_t>(*rseq);
      progress.is_reliable = true;
      fork.has_reliable_answer = fork.has_reliable_answer || progress.sdp;
      if (progress.sdp) dialog.state().remote_sdp = *progress.sdp;
      dialog.SendPrack(*fork.last_rseq, response.cseq(), [this, tag = progress.dialog_id](int prack_status) {
        Dialog* done = Find(tag);
        const auto answered = forks_.find(tag);
        const bool is_open = prack_status < 300 && answered != forks_.end() && answered->second.has_reliable_answer;
        if (is_open && done != nullptr) done->OpenForOffers();
      });
    }
    if (status == 199) {  // RFC 6228: makes room for another
      LeaveDialog(progress.dialog_id);
      forks_.erase(progress.dialog_id);
    }
  }
  Notify([progress](SipSignalingObserver& observer, const CallId& id) { observer.OnProgress(id, progress); });
}

void OutgoingCall::HandleAnswer(const MessageView& response) {
  const std::string tag = response.to_tag();
  if (confirmed_ != nullptr && confirmed_->id() == tag) {
    return confirmed_->SendAck(cseq_, authorization_);  // our ACK was lost
  }
  // No dialog (RFC 3261 section 12.1.1): without an ACK it ends at the peer too.
  if (tag.empty() && state_ == State::kAnswered) return;
  if (tag.empty()) return Fail({.sip_status = 502, .q850_cause = 0, .text = "Answer without a To tag"});
  Dialog& dialog = DialogOf(response);
  Fork& fork = forks_[tag];
  if (state_ != State::kCalling) {
    EndFork(dialog, fork, response.cseq());
    if (state_ == State::kCancelling) {
      Fail({.sip_status = 487, .q850_cause = 0, .text = "Request Terminated"});
    }
    return;
  }
  state_ = State::kAnswered;
  dialog.SendAck(cseq_, authorization_);
  confirmed_ = &dialog;
  const auto sdp = fork.has_reliable_answer ? std::nullopt : response.sdp();
  if (sdp) dialog.state().remote_sdp = *sdp;
  std::vector<std::string> losers;
  for (const auto& [other, early] : dialogs_) {
    if (other != tag) losers.push_back(other);
  }
  for (const std::string& other : losers) LeaveDialog(other);
  // Late answers of other forks can come as long as the INVITE can be repeated.
  timer_.Set(64 * context_.config.timers.t1, [this] { transaction_.reset(); });
  Notify([tag, sdp](SipSignalingObserver& observer, const CallId& id) { observer.OnAnswered(id, tag, sdp); });
  dialog.Confirm(TimerFromResponse(response.session_expires()));
  OnDialogChanged(dialog);
}

// A 200 that we do not want: acknowledged, then ended (RFC 3261 section 13.2.2.4).
void OutgoingCall::EndFork(Dialog& dialog, Fork& fork, uint32_t cseq) {
  dialog.SendAck(cseq, authorization_);
  if (fork.is_ended) return;
  fork.is_ended = true;
  if (state_ == State::kAnswered) {
    context_.counters.Add(SipCounter::kForkAnsweredTwice);
    dialog.SendBye({.sip_status = 200, .q850_cause = 0, .text = "Call completed elsewhere"}, [] {});
  } else {
    dialog.SendBye(cancel_reason_, [] {});  // it crossed our CANCEL
  }
}

// Whoever took the early dialog over speaks with us now; nobody else need ring any more (RFC 3891 section 3). What the
// others still answer is ended like the answer of a second fork.
void OutgoingCall::EndReplaced(Dialog& old) {
  if (state_ != State::kCalling) return Call::EndReplaced(old);
  state_ = State::kAnswered;
  std::string headers;
  AddHeader(headers, "Reason", FormatReason({.sip_cause = 200, .q850_cause = 0, .text = "Replaced"}));
  transaction_->Cancel(headers);
  timer_.Set(64 * context_.config.timers.t1, [this] { transaction_.reset(); });
  std::vector<std::string> early;
  for (const auto& [tag, dialog] : dialogs_) {
    if (dialog.get() != confirmed_) early.push_back(tag);
  }
  for (const std::string& tag : early) {
    left_cseq_ = std::max(left_cseq_, FindByTag(tag)->state().local_cseq);
    RemoveLater(*FindByTag(tag));
  }
}

bool OutgoingCall::HandleStrayAnswer(const MessageView& response) {
  if (response.cseq() != cseq_) return Call::HandleStrayAnswer(response);
  if (response.from_tag() != local_tag_ || response.to_tag().empty()) return false;
  HandleAnswer(response);
  return true;
}

bool OutgoingCall::Retry(int status, const MessageView& response) {
  // Whatever is wrong with one element, another may take a call for help.
  const bool is_element_out = status == 503 || (invite_.emergency && status >= 500 && status < 600);
  if (is_element_out && LeaveHop(seconds(response.Number("Retry-After", kMaxIntervalS).value_or(0)), true)) return true;
  // RFC 6442 section 4.3: help matters more than where. One that knows no parts of a body says so in many ways.
  constexpr int kOfTheBody[] = {400, 406, 413, 415, 424, 488, 606};
  if (has_location() && std::find(std::begin(kOfTheBody), std::end(kOfTheBody), status) != std::end(kOfTheBody)) {
    context_.counters.Add(SipCounter::kLocationRefused);
    invite_.emergency->location.clear();
    SendInvite();
    return true;
  }
  if (status == 401 || status == 407) {
    if (!credentials_.TakeChallenge(context_, response, "INVITE", invite_.target_uri, impi_)) return false;
    SendInvite();
    return true;
  }
  // The callee, or the network on the way, cannot wait for resources: then nobody does.
  if (status == 580 && ReadPreconditionUse(invite_.sdp).is_used) {
    invite_.sdp = WithoutPreconditions(invite_.sdp);
    is_without_preconditions_ = true;
    SendInvite();
    return true;
  }
  const auto min_se = response.Number("Min-SE", kMaxIntervalS);
  if (status == 422 && min_se && seconds(*min_se) > session_expires_) {
    session_expires_ = min_se_ = seconds(*min_se);
    SendInvite();
    return true;
  }
  return false;
}

EndReason OutgoingCall::ReasonOf(int status, const MessageView& response) const {
  const ReasonFields reason = response.reason();
  EndReason result{.sip_status = status, .q850_cause = reason.q850_cause, .text = response.phrase()};
  const std::string_view document = response.part("application/3gpp-ims+xml");
  if (document.empty()) return result;
  const std::string type = FirstElementText(document, "type");
  const bool is_emergency = status == 380 && type == "emergency";
  const bool is_restoration = status == 504 && type == "restoration";
  if (!is_emergency && !is_restoration) return result;
  // Only the nodes of our own route may say what a number is, or send us into a new registration (TS 24.229 sections
  // 5.1.3.1 and 5.1.2A.1.6): a callee can answer so too.
  if (table_.registrations().IsOfOwnWay(invite_.binding.registration_id, response)) {
    result.text = is_emergency ? call::kEmergencyServiceText : call::kRestorationText;
  }
  if (result.text == call::kEmergencyServiceText) {
    for (const std::string& value : response.Headers("Contact")) {
      const auto contact = ParseNameAddr(value);
      if (contact && IsServiceUrn(contact->uri)) result.service_urn = contact->uri;
    }
  }
  return result;
}

void OutgoingCall::HandleFailure(int status, const MessageView& response) {
  if (state_ == State::kAnswered || state_ == State::kOver) return;
  for (auto& [tag, fork] : forks_) RemoveDialog(tag);
  forks_.clear();
  if (state_ == State::kCalling && Retry(status, response)) return;
  transaction_.reset();
  const EndReason reason = ReasonOf(status, response);
  if (reason.text == call::kRestorationText) {
    table_.registrations().RequireInitial(invite_.binding.registration_id);
  }
  Fail(reason);
}

void OutgoingCall::Fail(EndReason reason) {
  if (state_ == State::kOver) return;
  const bool may_still_be_answered = state_ == State::kCancelling && transaction_ != nullptr;
  state_ = State::kOver;
  // The name is given back before the news of it: who hears that may call again by the same.
  if (may_still_be_answered) {
    timer_.Set(64 * context_.config.timers.t1, [this] { Retire(); });
  } else {
    Retire();
  }
  Notify([reason](SipSignalingObserver& observer, const CallId& id) { observer.OnFailed(id, reason); });
}

void OutgoingCall::Cancel(const EndReason& reason) {
  if (state_ == State::kAnswered) return Call::Bye(reason);
  if (state_ != State::kCalling) return;
  state_ = State::kCancelling;
  cancel_reason_ = reason;
  std::string headers;
  AddHeader(headers, "Reason",
            FormatReason({.sip_cause = reason.sip_status, .q850_cause = reason.q850_cause, .text = reason.text}));
  transaction_->Cancel(headers);
  // RFC 3261 section 9.1: without a final response the call counts as cancelled after 64*T1.
  timer_.Set(64 * context_.config.timers.t1,
             [this] { Fail({.sip_status = 487, .q850_cause = 0, .text = "Request Terminated"}); });
}

void OutgoingCall::Bye(const EndReason& reason) {
  if (state_ == State::kAnswered) return Call::Bye(reason);
  Cancel(reason);
}

}  // namespace byon::sip
