#include "controlplane/sip/events/event_subscription.h"

#include <algorithm>

namespace byon::sip {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr uint64_t kMaxExpiresS = 600'000;
constexpr uint64_t kMaxRetryAfterS = 86400;
constexpr milliseconds kRetryAfterFailure = seconds(60);
// "At once" (RFC 6665 section 4.1.3) is not faster than this: who ends each new subscription is not asked in a loop.
constexpr milliseconds kAtOnceLeast{200};
constexpr milliseconds kAtOnceMost{1000};

// A parameter of Subscription-State, in lower case; empty without.
std::string_view ParameterOf(std::string_view state, std::string_view name) {
  for (size_t at = state.find(';'); at != std::string_view::npos; at = state.find(';', at + 1)) {
    std::string_view one = state.substr(at + 1, state.find(';', at + 1) - at - 1);
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    if (!one.starts_with(name)) continue;
    one.remove_prefix(name.size());
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    if (!one.starts_with('=')) continue;
    one.remove_prefix(1);
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    return one.substr(0, one.find_first_of(" \t"));
  }
  return {};
}

}  // namespace

EventSubscription::EventSubscription(ShardContext& context, Owner& owner, Package package, SubscriptionState state)
    : context_(context), owner_(owner), package_(package), state_(std::move(state)) {
  if (state_.expires_s == 0) state_.expires_s = package_.expires_s;
}

void EventSubscription::Send() {
  is_challenged_ = false;
  SendOnce({});
}

// The next SUBSCRIBE begins a new dialog; without a delay there is none. An answer that is on its way is of the old
// one.
void EventSubscription::Restart(std::optional<milliseconds> delay) {
  transaction_.reset();
  state_ = {.expires_s = state_.expires_s};
  if (delay) state_.next_send = SipThread::Clock::now() + *delay;
}

RequestText EventSubscription::BuildRequest(uint32_t expires_s, const std::string& authorization) {
  const Target target = owner_.CurrentTarget();
  if (state_.call_id.empty()) {
    state_.call_id = RandomHex(16);
    state_.local_tag = RandomHex(8);
  }
  const bool is_initial = state_.remote_tag.empty();
  const std::vector<std::string>& routes = is_initial ? target.routes : state_.route_set;
  RequestText request{.method = "SUBSCRIBE",
                      .uri = is_initial ? target.resource : state_.remote_target,
                      .headers = {},
                      .body = {},
                      .content_type = {},
                      .route = context_.WireDestination(routes, state_.remote_target, target.next_hop)};
  std::string& h = request.headers;
  for (const std::string& route : routes) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + target.impu + ">;tag=" + state_.local_tag);
  AddHeader(h, "To", "<" + target.resource + ">" + (is_initial ? "" : ";tag=" + state_.remote_tag));
  AddHeader(h, "Call-ID", state_.call_id);
  AddHeader(h, "CSeq", std::to_string(++state_.cseq) + " SUBSCRIBE");
  AddHeader(h, "Contact", context_.ContactAddress(target.contact_token));
  AddHeader(h, "Event", package_.event);
  AddHeader(h, "Accept", package_.accept);
  AddHeader(h, "Expires", std::to_string(expires_s));
  AddHeader(h, context_.IdentityHeader(), "<" + target.impu + ">");
  AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  if (is_initial) AddHeader(h, "P-Charging-Vector", context_.ChargingVector());
  h += authorization;
  return request;
}

void EventSubscription::SendOnce(const std::string& authorization) {
  state_.next_send.reset();
  transaction_ =
      context_.transactions.Send(BuildRequest(state_.expires_s, authorization),
                                 [this](int status, const MessageView& response) { HandleResponse(status, response); });
  if (transaction_ != nullptr) return;
  Restart(kRetryAfterFailure);
  owner_.OnWaiting();
}

void EventSubscription::Stop() {
  transaction_.reset();
  // Nobody waits for the answer: what the network does not forget now, it forgets when it expires.
  if (!state_.remote_tag.empty()) {
    [[maybe_unused]] const auto unwatched =
        context_.transactions.Send(BuildRequest(0, {}), ClientTransaction::Handler());
  }
  Restart(std::nullopt);
}

void EventSubscription::HandleResponse(int status, const MessageView& response) {
  if (status < 200) return;
  transaction_.reset();
  if (status < 300) {
    // What an answer within the dialog says of the route changes nothing (RFC 3261 section 12.2.1.2).
    if (state_.remote_tag.empty()) state_.route_set = response.RouteSet(true);
    state_.remote_tag = response.to_tag();
    if (!response.contact_uri().empty()) state_.remote_target = response.contact_uri();
    if (state_.remote_target.empty()) state_.remote_target = owner_.CurrentTarget().resource;
    ScheduleRefresh(seconds(response.Number("Expires", kMaxExpiresS).value_or(state_.expires_s)));
    return owner_.OnWaiting();
  }
  if ((status == 401 || status == 407) && !is_challenged_) {
    is_challenged_ = true;
    auth::DigestSession session;
    const Target target = owner_.CurrentTarget();
    const std::string uri = state_.remote_tag.empty() ? target.resource : state_.remote_target;
    const auto line = AnswerChallenge(context_, response, "SUBSCRIBE", uri, target.impi, &session);
    if (line) return SendOnce(*line);
  }
  const auto min_expires = response.Number("Min-Expires", kMaxExpiresS);
  if (status == 423 && min_expires && *min_expires > state_.expires_s) {
    state_.expires_s = static_cast<uint32_t>(*min_expires);
    return SendOnce({});
  }
  const bool is_passing = status == 408 || status == 480 || status == 481 || status >= 500;
  if (is_passing && status < 600) {
    const auto wait = response.Number("Retry-After", kMaxRetryAfterS);
    owner_.OnFailure(response);
    Restart(wait ? milliseconds(seconds(*wait)) : kRetryAfterFailure);
    return owner_.OnWaiting();
  }
  Restart(std::nullopt);
  owner_.OnRefused(status);
}

void EventSubscription::ScheduleRefresh(seconds granted) {
  if (granted.count() <= 0) return;
  state_.next_send = SipThread::Clock::now() +
                     (granted > seconds(1200) ? milliseconds(granted - seconds(600)) : milliseconds(granted) / 2);
}

// RFC 6665 section 4.1.3.
void EventSubscription::HandleTermination(std::string_view state, Notification& notification) {
  const std::string_view reason = ParameterOf(state, "reason");
  notification.is_terminated = true;
  notification.is_final = reason == "rejected" || reason == "noresource" || reason == "invariant";
  if (notification.is_final) return Restart(std::nullopt);
  if (reason == "deactivated" || reason == "timeout") return Restart(RandomDelay(kAtOnceLeast, kAtOnceMost));
  const auto wait = ParseNumber(ParameterOf(state, "retry-after"), kMaxRetryAfterS);
  Restart(wait ? std::max(milliseconds(seconds(*wait)), kAtOnceLeast) : kRetryAfterFailure);
}

bool EventSubscription::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  if (request.call_id() != state_.call_id || request.to_tag() != state_.local_tag) return false;
  // The NOTIFY may overtake the 200 (RFC 6665 section 4.1.2.4) and then names the dialog first.
  if (!state_.remote_tag.empty() && request.from_tag() != state_.remote_tag) return false;
  if (request.cseq() < state_.remote_cseq) {
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
  state_.remote_cseq = request.cseq();
  transaction.Respond(200);

  const std::string state = ToLower(request.Header("Subscription-State").value_or("active"));
  const std::string content_type = request.content_type();
  Notification notification{.content_type = content_type, .body = request.body()};
  if (state.starts_with("terminated")) {
    HandleTermination(state, notification);
  } else if (const auto left = ParseNumber(ParameterOf(state, "expires"), kMaxExpiresS); left && state_.next_send) {
    // The notifier may shorten it (RFC 6665 section 4.2.1.4), not prolong.
    const auto had = state_.next_send;
    ScheduleRefresh(seconds(*left));
    if (state_.next_send > had) state_.next_send = had;
  }
  owner_.OnNotification(notification);  // last: the owner may destroy us
  return true;
}

}  // namespace byon::sip
