#include "controlplane/sip/calls/refer_client.h"

#include <algorithm>

#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/text/refer_to.h"
#include "controlplane/sip/text/replaces.h"
#include "controlplane/sip/text/sip_fragment.h"

namespace byon::sip {

using call::CallId;
using std::chrono::milliseconds;

namespace {

constexpr size_t kMaxReports = 8;
constexpr int kNoDialog = 481;
constexpr int kTimeout = 408;

bool IsUsable(const call::OutgoingReferral& referral) {
  const call::SipBinding& binding = referral.binding;
  const bool is_target_safe = !referral.within.empty() || IsSafeUri(referral.target_uri);
  return is_target_safe && IsSafeUri(referral.refer_to_uri) && IsSafeUri(binding.impu) && IsSafeUri(binding.next_hop) &&
         IsSafeUri("sip:" + binding.contact_token + "@x") && !binding.contact_token.empty() &&
         std::all_of(binding.service_route.begin(), binding.service_route.end(), IsSafeText) &&
         std::all_of(referral.excluded_instances.begin(), referral.excluded_instances.end(), IsSafeText);
}

std::string RejectContact(const std::string& instance) { return "*;+sip.instance=\"<" + instance + ">\""; }

// Whoever is called is in the place of a leg of ours: best by the name under which the network finds that device and no
// other.
std::string Reachable(const std::string& remote_target, const std::string& otherwise) {
  const auto uri = ParseUri(remote_target);
  const std::string parameters = uri ? ";" + uri->parameters + ";" : std::string();
  const bool is_gruu = parameters.find(";gr;") != std::string::npos || parameters.find(";gr=") != std::string::npos;
  return is_gruu && IsSafeUri(remote_target) ? remote_target : otherwise;
}

}  // namespace

struct ReferClient::Pending {
  explicit Pending(ShardContext& context, call::OutgoingReferral asked)
      : referral(std::move(asked)), timer(context.thread) {}

  const call::OutgoingReferral referral;
  std::string call_id;  // of the subscription, with our tag
  std::string local_tag;
  std::string uri;
  uint32_t cseq = 0;
  bool is_challenged = false;
  std::map<std::string, Report> reports;  // by remote tag
  ScopedTimer timer;
  std::unique_ptr<ClientTransaction> transaction;
};

ReferClient::ReferClient(ShardContext& context, RegistrationClient& registrations, FindDialog find_dialog)
    : context_(context), registrations_(registrations), find_dialog_(std::move(find_dialog)) {}
ReferClient::~ReferClient() = default;

void ReferClient::Refer(call::OutgoingReferral referral) {
  const CallId id = referral.id;
  if (!IsUsable(referral)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return Tell(id, 484, "Address Incomplete");
  }
  auto& pending = pending_[id];
  pending = std::make_unique<Pending>(context_, std::move(referral));
  Send(*pending, {});
}

void ReferClient::Leave(const CallId& id) { pending_.erase(id); }

// Nothing where the dialog that it is about has ended.
std::optional<RequestText> ReferClient::BuildRequest(Pending& pending) {
  const call::OutgoingReferral& asked = pending.referral;
  const Dialog* named = find_dialog_(asked.named);
  Dialog* within = asked.within.empty() ? nullptr : find_dialog_(asked.within);
  if (named == nullptr || named->is_over() || (!asked.within.empty() && (within == nullptr || within->is_over())))
    return std::nullopt;
  const DialogState& held = named->state();
  // As whoever has its other end sees it.
  const call::ReplacedDialog dialog{held.call_id, held.remote_tag, held.local_tag};
  const auto name = asked.names_target_dialog ? FormatTargetDialog(dialog) : FormatReplaces(dialog);
  if (!name) return std::nullopt;
  const char* header = asked.names_target_dialog ? "Target-Dialog" : "Replaces";
  const char* extension = asked.names_target_dialog ? "tdialog" : "replaces";

  const call::SipBinding& binding = asked.binding;
  RequestText request;
  if (within != nullptr) {
    request = within->NewRequest("REFER");
    pending.call_id = within->state().call_id;
    pending.local_tag = within->state().local_tag;
    AddHeader(request.headers, "Contact", within->state().contact);
  } else {
    if (pending.call_id.empty()) {
      pending.call_id = RandomHex(16);
      pending.local_tag = RandomHex(8);
    }
    const auto routes = context_.OriginatingRoutes(binding.next_hop, binding.service_route);
    request.method = "REFER";
    request.uri = asked.target_uri;
    request.route = context_.WireDestination(routes, asked.target_uri, binding.next_hop);
    std::string& h = request.headers;
    for (const std::string& route : routes) AddHeader(h, "Route", route);
    AddHeader(h, "Max-Forwards", "70");
    AddHeader(h, "From", "<" + binding.impu + ">;tag=" + pending.local_tag);
    AddHeader(h, "To", "<" + asked.target_uri + ">");
    AddHeader(h, "Call-ID", pending.call_id);
    AddHeader(h, "CSeq", std::to_string(++pending.cseq) + " REFER");
    AddHeader(h, "Contact", context_.ContactAddress(binding.contact_token));
    AddHeader(h, context_.IdentityHeader(), "<" + ClaimedIdentity(binding.impu, binding.associated_uris) + ">");
    AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
    AddHeader(h, "P-Charging-Vector", context_.ChargingVector());
    if (!asked.is_to_holder) {
      AddHeader(h, "Accept-Contact", std::string("*;+g.3gpp.icsi-ref=\"") + kMmtelIcsi + "\"");
      for (const std::string& instance : asked.excluded_instances)
        AddHeader(h, "Reject-Contact", RejectContact(instance));
    }
  }
  pending.uri = request.uri;
  request.content_type.clear();
  std::string& h = request.headers;
  std::vector<std::pair<std::string, std::string>> target_headers;
  if (asked.is_to_holder) {
    AddHeader(h, header, *name);
    AddHeader(h, "Require", extension);
    for (const std::string& instance : asked.excluded_instances)
      target_headers.emplace_back("Reject-Contact", RejectContact(instance));
  } else {
    target_headers = {{header, *name}, {"Require", extension}};
  }
  const std::string target = within != nullptr ? Reachable(held.remote_target, asked.refer_to_uri) : asked.refer_to_uri;
  AddHeader(h, "Refer-To", FormatReferTo(target, target_headers));
  AddHeader(h, "Referred-By", "<" + ClaimedIdentity(binding.impu, binding.associated_uris) + ">");
  AddHeader(h, "Accept", "message/sipfrag");
  AddHeader(h, "Allow", AllowedMethods(context_.config));
  return request;
}

void ReferClient::Send(Pending& pending, const std::string& authorization) {
  const CallId id = pending.referral.id;
  auto request = BuildRequest(pending);
  if (!request) return Finish(id, kNoDialog, "Call/Transaction Does Not Exist");
  request->headers += authorization;
  context_.counters.Add(SipCounter::kReferSent);
  pending.transaction = context_.transactions.Send(
      *request, [this, id](int status, const MessageView& response) { HandleResponse(id, status, response); });
  if (pending.transaction == nullptr) Finish(id, 500, "Request could not be sent");
}

void ReferClient::HandleResponse(const CallId& id, int status, const MessageView& response) {
  const auto found = pending_.find(id);
  if (status < 200 || found == pending_.end()) return;
  Pending& pending = *found->second;
  pending.transaction.reset();
  if (status < 300) {
    // Whoever takes it up tells at once how it goes (RFC 3515 section 2.4.4), unless it said that it will not.
    const bool is_silent = EqualsIgnoringCase(response.Header("Refer-Sub").value_or(""), "false");
    if (pending.reports.empty() && !is_silent) AwaitNotify(pending, 64 * context_.config.timers.t1);  // timer N
    return Tell(id, 100, response.phrase());
  }
  if ((status == 401 || status == 407) && !pending.is_challenged) {
    pending.is_challenged = true;
    auth::DigestSession session;
    const std::string impi = registrations_.ImpiOf(pending.referral.binding.registration_id);
    const auto line = AnswerChallenge(context_, response, "REFER", pending.uri, impi, &session);
    if (line) return Send(pending, *line);
  }
  // One that is told of all the same was taken up by somebody else.
  const bool is_going = std::any_of(pending.reports.begin(), pending.reports.end(),
                                    [](const auto& report) { return !report.second.is_over; });
  if (!is_going) Finish(id, status, response.is_empty() ? "The network cannot be reached" : response.phrase());
}

void ReferClient::AwaitNotify(Pending& pending, milliseconds patience) {
  pending.timer.Set(patience, [this, id = pending.referral.id] {
    context_.counters.Add(SipCounter::kReferSilent);
    Finish(id, kTimeout, "Nobody told how it went");
  });
}

ReferClient::Pending* ReferClient::Find(const MessageView& notify) const {
  for (const auto& [id, pending] : pending_) {
    if (pending->call_id == notify.call_id() && pending->local_tag == notify.to_tag()) return pending.get();
  }
  return nullptr;
}

void ReferClient::HandleNotify(ServerTransaction& transaction, const MessageView& notify) {
  Pending* pending = Find(notify);
  const auto refuse = [&](int status, const char* phrase) {
    context_.counters.Add(SipCounter::kReferMalformed);
    transaction.Respond(status, phrase);
  };
  const std::string event = ToLower(notify.Header("Event").value_or(""));
  if (event.substr(0, event.find_first_of("; \t")) != "refer") return refuse(489, "Bad Event");
  const auto known = pending->reports.find(notify.from_tag());
  const bool is_known = known != pending->reports.end();
  if (!is_known && pending->reports.size() >= kMaxReports) return RefuseNoDialog(context_, transaction);
  if (is_known && pending->referral.within.empty() && notify.cseq() <= known->second.cseq) {
    context_.counters.Add(SipCounter::kRefusedOldSequence);
    return transaction.Respond(500);
  }
  const bool has_body = !notify.body().empty();
  const auto status = has_body && notify.content_type() == "message/sipfrag" ? ParseSipFragment(notify.body())
                                                                             : std::optional<ReportedStatus>();
  if (has_body && !status) return refuse(400, "Bad Report");
  transaction.Respond(200);

  const CallId id = pending->referral.id;
  Report& report = pending->reports[notify.from_tag()];
  report.cseq = notify.cseq();
  pending->timer.Clear();
  const bool is_final = status && status->code >= 200;
  if (is_final && status->code < 300) return Finish(id, status->code, status->phrase);
  const bool is_terminated = ToLower(notify.Header("Subscription-State").value_or("")).starts_with("terminated");
  if (!is_final && !is_terminated) {
    if (status) Tell(id, status->code, status->phrase);
    return;
  }
  report.is_over = true;
  const bool is_going =
      pending->transaction != nullptr || std::any_of(pending->reports.begin(), pending->reports.end(),
                                                     [](const auto& other) { return !other.second.is_over; });
  // Of several the others may still do it; the one that failed is not awaited.
  if (is_going && pending->reports.size() > 1) return;
  if (is_final) return Finish(id, status->code, status->phrase);
  Finish(id, 480, "Nobody tells how it goes any more");
}

void ReferClient::Tell(const CallId& id, int status, const std::string& phrase) {
  if (status >= 300) context_.counters.Add(SipCounter::kReferFailed);
  context_.notify_calls(
      [id, status, phrase](call::SipSignalingObserver& observer) { observer.OnReferred(id, status, phrase); });
}

void ReferClient::Finish(const CallId& id, int status, const std::string& phrase) {
  const CallId keep = id;  // it may live in what is erased
  const std::string said = phrase;
  // Not at once: its timer or transaction may be on the stack.
  if (auto node = pending_.extract(keep); !node.empty()) {
    over_.push_back(std::move(node.mapped()));
    context_.thread.After(milliseconds(0), [this] { over_.clear(); });
  }
  Tell(keep, status, said);
}

}  // namespace byon::sip
