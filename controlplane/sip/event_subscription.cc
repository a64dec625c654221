#include "controlplane/sip/event_subscription.h"

namespace byon::sip {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr uint64_t kMaxExpiresS = 600'000;
constexpr milliseconds kRetryAfterFailure = seconds(60);

}  // namespace

EventSubscription::EventSubscription(ShardContext& context, Owner& owner, Package package)
    : context_(context),
      owner_(owner),
      package_(package),
      expires_s_(package_.expires_s),
      timer_(context.thread) {
  Restart(milliseconds(-1));
}

void EventSubscription::Start(milliseconds delay) {
  timer_.Set(delay, [this] {
    is_challenged_ = false;
    Send({});
  });
}

// A new dialog; a negative delay only prepares it.
void EventSubscription::Restart(milliseconds delay) {
  call_id_ = RandomHex(16);
  local_tag_ = RandomHex(8);
  remote_tag_.clear();
  remote_target_.clear();
  route_set_.clear();
  cseq_ = 0;
  remote_cseq_ = 0;
  if (delay.count() >= 0) Start(delay);
}

RequestText EventSubscription::BuildRequest(uint64_t expires_s, const std::string& authorization) {
  const Target target = owner_.CurrentTarget();
  const bool is_initial = remote_tag_.empty();
  const std::vector<std::string>& routes = is_initial ? target.routes : route_set_;
  RequestText request{.method = "SUBSCRIBE",
                      .uri = is_initial ? target.resource : remote_target_,
                      .headers = {},
                      .body = {},
                      .content_type = {},
                      .route = context_.WireDestination(routes, remote_target_, target.next_hop)};
  std::string& h = request.headers;
  for (const std::string& route : routes) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + target.impu + ">;tag=" + local_tag_);
  AddHeader(h, "To", "<" + target.resource + ">" + (is_initial ? "" : ";tag=" + remote_tag_));
  AddHeader(h, "Call-ID", call_id_);
  AddHeader(h, "CSeq", std::to_string(++cseq_) + " SUBSCRIBE");
  AddHeader(h, "Contact", context_.ContactAddress(target.contact_token));
  AddHeader(h, "Event", package_.event);
  AddHeader(h, "Accept", package_.accept);
  AddHeader(h, "Expires", std::to_string(expires_s));
  AddHeader(h, context_.IdentityHeader(), "<" + target.impu + ">");
  AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  h += authorization;
  return request;
}

void EventSubscription::Send(const std::string& authorization) {
  transaction_ = context_.transactions.Send(
      BuildRequest(expires_s_, authorization),
      [this](int status, const MessageView& response) { HandleResponse(status, response); });
  if (transaction_ == nullptr) Restart(kRetryAfterFailure);
}

void EventSubscription::Stop() {
  timer_.Clear();
  transaction_.reset();
  // Nobody waits for the answer: what the network does not forget now, it forgets when it expires.
  if (!remote_tag_.empty()) {
    [[maybe_unused]] const auto unwatched = context_.transactions.Send(
        BuildRequest(0, {}), ClientTransaction::Handler());
  }
  Restart(milliseconds(-1));
}

void EventSubscription::HandleResponse(int status, const MessageView& response) {
  if (status < 200) return;
  transaction_.reset();
  if (status < 300) {
    remote_tag_ = response.to_tag();
    route_set_ = response.RouteSet(true);
    if (!response.contact_uri().empty()) remote_target_ = response.contact_uri();
    if (remote_target_.empty()) remote_target_ = owner_.CurrentTarget().resource;
    ScheduleRefresh(seconds(response.Number("Expires", kMaxExpiresS).value_or(expires_s_)));
    return;
  }
  if ((status == 401 || status == 407) && !is_challenged_) {
    is_challenged_ = true;
    auth::DigestSession session;
    const Target target = owner_.CurrentTarget();
    const std::string uri = remote_tag_.empty() ? target.resource : remote_target_;
    const auto line =
        AnswerChallenge(context_, response, "SUBSCRIBE", uri, target.impi, &session);
    if (line) return Send(*line);
  }
  const auto min_expires = response.Number("Min-Expires", kMaxExpiresS);
  if (status == 423 && min_expires && *min_expires > expires_s_) {
    expires_s_ = *min_expires;
    return Send({});
  }
  const bool is_passing = status == 408 || status == 480 || status == 481 || status >= 500;
  if (is_passing && status < 600) {
    const auto wait = response.Number("Retry-After", 86400);
    return Restart(wait ? milliseconds(seconds(*wait)) : kRetryAfterFailure);
  }
  owner_.OnRefused(status);
}

void EventSubscription::ScheduleRefresh(seconds granted) {
  if (granted.count() <= 0) return;
  Start(granted > seconds(1200) ? milliseconds(granted - seconds(600)) : milliseconds(granted) / 2);
}

bool EventSubscription::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  if (request.call_id() != call_id_ || request.to_tag() != local_tag_) return false;
  // The NOTIFY may overtake the 200 (RFC 6665 section 4.1.2.4) and then names the dialog first.
  if (!remote_tag_.empty() && request.from_tag() != remote_tag_) return false;
  if (request.cseq() < remote_cseq_) {
    context_.counters.Add(SipCounter::kRefusedOldSequence);
    transaction.Respond(500);
    return true;
  }
  const std::string event = ToLower(request.Header("Event").value_or(std::string(package_.event)));
  if (event.substr(0, event.find_first_of("; \t")) != package_.event) {
    context_.counters.Add(SipCounter::kRefusedMethod);
    transaction.Respond(489, "Bad Event");
    return true;
  }
  remote_cseq_ = request.cseq();
  transaction.Respond(200);

  const std::string state = ToLower(request.Header("Subscription-State").value_or("active"));
  const std::string content_type = request.content_type();
  Notification notification{.content_type = content_type, .body = request.body()};
  if (state.starts_with("terminated")) {
    notification.is_terminated = true;
    notification.is_final = state.find("reason=rejected") != std::string::npos ||
                            state.find("reason=noresource") != std::string::npos ||
                            state.find("reason=invariant") != std::string::npos;
    timer_.Clear();
    if (!notification.is_final) Restart(kRetryAfterFailure);
  }
  owner_.OnNotification(notification);  // last: the owner may destroy us
  return true;
}

}  // namespace byon::sip
