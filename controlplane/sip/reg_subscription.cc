#include "controlplane/sip/reg_subscription.h"

namespace byon::sip {

using registration::SipDeregistered;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr uint64_t kWantedExpiresS = 600'000;  // TS 24.229 section 5.1.1.3
constexpr milliseconds kRetryAfterFailure = seconds(60);

SipDeregistered::Event EventOf(const std::string& event) {
  using Event = SipDeregistered::Event;
  if (event == "rejected") return Event::kRejected;
  if (event == "deactivated") return Event::kDeactivated;
  if (event == "probation") return Event::kProbation;
  if (event == "expired") return Event::kExpired;
  if (event == "shortened") return Event::kShortened;
  return Event::kUnregistered;
}

std::string UserOf(const std::string& uri) {
  const auto parts = ParseUri(uri);
  return parts ? parts->user : std::string();
}

}  // namespace

RegSubscription::RegSubscription(ShardContext& context, Owner& owner, Target target)
    : context_(context),
      owner_(owner),
      target_(std::move(target)),
      expires_s_(kWantedExpiresS),
      timer_(context.thread) {
  Restart(milliseconds(-1));
}

void RegSubscription::Start(milliseconds delay) {
  timer_.Set(delay, [this] {
    is_challenged_ = false;
    Send({});
  });
}

// A new dialog; a negative delay only prepares it.
void RegSubscription::Restart(milliseconds delay) {
  call_id_ = RandomHex(16);
  local_tag_ = RandomHex(8);
  remote_tag_.clear();
  remote_target_.clear();
  route_set_.clear();
  cseq_ = 0;
  remote_cseq_ = 0;
  if (delay.count() >= 0) Start(delay);
}

void RegSubscription::Send(const std::string& authorization) {
  const bool is_initial = remote_tag_.empty();
  const std::vector<std::string>& routes = is_initial ? target_.routes : route_set_;
  RequestText request{.method = "SUBSCRIBE",
                      .uri = is_initial ? target_.impu : remote_target_,
                      .headers = {},
                      .body = {},
                      .content_type = {},
                      .route = context_.WireDestination(routes, remote_target_, target_.next_hop)};
  std::string& h = request.headers;
  for (const std::string& route : routes) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + target_.impu + ">;tag=" + local_tag_);
  AddHeader(h, "To", "<" + target_.impu + ">" + (is_initial ? "" : ";tag=" + remote_tag_));
  AddHeader(h, "Call-ID", call_id_);
  AddHeader(h, "CSeq", std::to_string(++cseq_) + " SUBSCRIBE");
  AddHeader(h, "Contact", context_.ContactAddress(target_.contact_token));
  AddHeader(h, "Event", "reg");
  AddHeader(h, "Accept", "application/reginfo+xml");
  AddHeader(h, "Expires", std::to_string(expires_s_));
  AddHeader(h,
            context_.config.profile == SipProfile::kTrustedNode ? "P-Asserted-Identity"
                                                                : "P-Preferred-Identity",
            "<" + target_.impu + ">");
  AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  h += authorization;
  transaction_ = context_.transactions.Send(
      request, [this](int status, const MessageView& response) { HandleResponse(status, response); });
  if (transaction_ == nullptr) Restart(kRetryAfterFailure);
}

void RegSubscription::HandleResponse(int status, const MessageView& response) {
  if (status < 200) return;
  transaction_.reset();
  if (status < 300) {
    remote_tag_ = response.to_tag();
    route_set_ = response.RouteSet(true);
    if (!response.contact_uri().empty()) remote_target_ = response.contact_uri();
    if (remote_target_.empty()) remote_target_ = target_.impu;
    ScheduleRefresh(seconds(response.Number("Expires", kWantedExpiresS).value_or(expires_s_)));
    return;
  }
  if ((status == 401 || status == 407) && !is_challenged_) {
    is_challenged_ = true;
    auth::DigestSession session;
    const std::string uri = remote_tag_.empty() ? target_.impu : remote_target_;
    const auto line =
        AnswerChallenge(context_, response, "SUBSCRIBE", uri, target_.impi, &session);
    if (line) return Send(*line);
  }
  const auto min_expires = response.Number("Min-Expires", kWantedExpiresS);
  if (status == 423 && min_expires && *min_expires > expires_s_) {
    expires_s_ = *min_expires;
    return Send({});
  }
  const bool is_passing = status == 408 || status == 481 || status >= 500;
  if (is_passing && status < 600) {
    const auto wait = response.Number("Retry-After", 86400);
    return Restart(wait ? milliseconds(seconds(*wait)) : kRetryAfterFailure);
  }
  // The network does not offer the package; without it a removal shows at the next refresh.
  is_refused_ = true;
  context_.counters.Add(SipCounter::kRegEventRefused);
}

void RegSubscription::ScheduleRefresh(seconds granted) {
  if (granted.count() <= 0) return;
  Start(granted > seconds(1200) ? milliseconds(granted - seconds(600)) : milliseconds(granted) / 2);
}

bool RegSubscription::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  if (request.call_id() != call_id_ || request.to_tag() != local_tag_) return false;
  // The NOTIFY may overtake the 200 (RFC 6665 section 4.1.2.4) and then names the dialog first.
  if (!remote_tag_.empty() && request.from_tag() != remote_tag_) return false;
  if (request.cseq() < remote_cseq_) {
    context_.counters.Add(SipCounter::kRefusedOldSequence);
    transaction.Respond(500);
    return true;
  }
  remote_cseq_ = request.cseq();
  transaction.Respond(200);

  const std::string state = ToLower(request.Header("Subscription-State").value_or("active"));
  if (state.starts_with("terminated")) {
    const bool is_final = state.find("reason=rejected") != std::string::npos ||
                          state.find("reason=noresource") != std::string::npos ||
                          state.find("reason=invariant") != std::string::npos;
    timer_.Clear();
    if (!is_final) Restart(kRetryAfterFailure);
  }
  if (!request.body().empty() && request.content_type() == "application/reginfo+xml") {
    HandleDocument(request.body());  // last: the owner may destroy us
  }
  return true;
}

void RegSubscription::HandleDocument(std::string_view body) {
  const auto document = ParseReginfo(body);
  if (!document) {
    context_.counters.Add(SipCounter::kRegEventMalformed);
    return;
  }
  // By URI first: an older contact of the same device may be in the same document.
  const ReginfoContact* ours = nullptr;
  for (const ReginfoRegistration& registration : document->registrations) {
    for (const ReginfoContact& contact : registration.contacts) {
      if (UserOf(contact.uri) == target_.contact_token) ours = &contact;
    }
  }
  for (const ReginfoRegistration& registration : document->registrations) {
    for (const ReginfoContact& contact : registration.contacts) {
      const bool is_same_device = contact.instance_id == target_.instance_id;
      if (ours == nullptr && !contact.instance_id.empty() && is_same_device) ours = &contact;
    }
  }
  if (ours != nullptr) {
    const bool is_shortened = ours->event == "shortened";
    if (!ours->is_terminated && !is_shortened) return;
    return owner_.OnContactTerminated(
        target_.registration_id,
        {.event = EventOf(ours->event),
         .retry_after = is_shortened ? ours->expires : ours->retry_after});
  }
  for (const ReginfoRegistration& registration : document->registrations) {
    // TS 24.229 section 5.1.1.7: the whole identity is gone, and nothing is said of our contact.
    if (registration.is_terminated && registration.contacts.empty() &&
        registration.aor == target_.impu) {
      return owner_.OnContactTerminated(
          target_.registration_id,
          {.event = SipDeregistered::Event::kUnregistered, .retry_after = std::nullopt});
    }
  }
}

}  // namespace byon::sip
