#include "controlplane/api/events/webhook_sender.h"

#include <algorithm>

namespace byon::api {

using http_client::Failure;
using http_client::Response;

namespace {

constexpr std::chrono::milliseconds kFirstDelay{500};
constexpr std::chrono::milliseconds kLongestDelay{30'000};
constexpr std::chrono::milliseconds kLongestWanted{120'000};

bool MayRetry(const http_client::Result& result) {
  if (const auto* failure = std::get_if<Failure>(&result)) {
    return *failure != Failure::kBadUrl && *failure != Failure::kRefusedAddress;
  }
  const int status = std::get<Response>(result).status;
  return status >= 500 || status == 408 || status == 429;
}

// The sink may say itself when to come again (RFC 9110 section 10.2.3), within bounds.
std::chrono::milliseconds DelayBefore(unsigned attempts, const Response* response) {
  const auto delay = std::min(kLongestDelay, kFirstDelay * (1 << std::min(std::max(attempts, 1U) - 1, 10U)));
  if (response == nullptr) return delay;
  return std::clamp(std::chrono::milliseconds(response->retry_after), delay, kLongestWanted);
}

}  // namespace

WebhookSender::WebhookSender(WebhookConfig config, Sink sink, http_client::HttpClient& http, Timers& timers,
                             OnVerdict on_verdict, Observer observer, std::unique_ptr<Backlog> backlog)
    : config_(std::move(config)),
      sink_(std::move(sink)),
      http_(http),
      timers_(timers),
      on_verdict_(std::move(on_verdict)),
      observer_(std::move(observer)),
      backlog_(std::move(backlog)) {}

void WebhookSender::Enqueue(std::string event_id, std::string text) {
  if (is_stopped_) return;
  // The first may be on its way; the one behind it is the oldest that can go.
  const size_t oldest = is_sending_ ? 1 : 0;
  if (queue_.size() >= config_.queue_events && queue_.size() > oldest) {
    backlog_->Drop(queue_[oldest].number);
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(oldest));
    observer_("webhook_event_dropped", "the sink is too slow");
  }
  backlog_->Keep(++last_number_, event_id, text);
  queue_.push_back({last_number_, std::move(event_id), std::move(text)});
  SendFirst();
}

void WebhookSender::Restore(uint64_t number, std::string event_id, std::string text) {
  if (queue_.size() >= config_.queue_events) return backlog_->Drop(number);
  last_number_ = number;
  queue_.push_back({number, std::move(event_id), std::move(text)});
  SendFirst();
}

void WebhookSender::set_access_token(std::string token) {
  sink_.access_token = std::move(token);
  // What waited for it need not wait any longer.
  retry_.reset();
  SendFirst();
}

void WebhookSender::Close() {
  on_verdict_ = [](SinkVerdict) {};
}

void WebhookSender::Stop() {
  is_stopped_ = true;
  queue_.clear();  // what the backlog holds is the successor's
  retry_.reset();
}

void WebhookSender::SendFirst() {
  if (is_sending_ || is_stopped_ || retry_ != nullptr || queue_.empty()) return;
  is_sending_ = true;
  Event& event = queue_.front();
  ++event.attempts;
  http_client::Request request;
  request.method = "POST";
  request.url = sink_.url;
  request.headers = {{"Content-Type", "application/cloudevents+json"}, {"x-correlator", event.id}};
  if (!sink_.access_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + sink_.access_token);
  request.body = event.text;
  request.timeout = config_.timeout;
  request.max_response_bytes = 64 * 1024;
  request.may_use_private_addresses = config_.may_use_private_networks;
  request.ca_file = config_.ca_file;
  request.account = sink_.account;
  request.max_of_account = sink_.max_of_account;
  http_.Send(std::move(request), [weak = weak_from_this()](const http_client::Result& result) {
    if (const auto self = weak.lock()) self->OnResult(result);
  });
}

void WebhookSender::OnResult(const http_client::Result& result) {
  is_sending_ = false;
  if (is_stopped_) return;
  const auto* response = std::get_if<Response>(&result);
  if (response != nullptr && response->status >= 200 && response->status < 300) {
    observer_("webhook_event_delivered", "");
    return Advance();
  }
  const std::string why =
      response != nullptr ? "status " + std::to_string(response->status) : ToString(std::get<Failure>(result));
  if (response != nullptr && response->status == 410) {
    on_verdict_(SinkVerdict::kGone);
    return Abandon();
  }
  Event& event = queue_.front();
  // It was not sent at all.
  if (response == nullptr && std::get<Failure>(result) == Failure::kBusy) --event.attempts;
  const bool is_unauthorized = response != nullptr && response->status == 401;
  // A token that the sink takes no more may be renewed in time (PUT sinkCredential); the verdict may end it all.
  if (is_unauthorized) on_verdict_(SinkVerdict::kUnauthorized);
  if (is_stopped_) return;
  const bool may_retry = MayRetry(result) || (is_unauthorized && !sink_.access_token.empty());
  if (may_retry && event.attempts < config_.max_attempts) {
    retry_ = timers_.After(DelayBefore(event.attempts, response), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->retry_.reset();
        self->SendFirst();
      }
    });
    return;
  }
  observer_("webhook_event_lost", why);
  Advance();
}

void WebhookSender::Abandon() {
  for (const Event& event : queue_) backlog_->Drop(event.number);
  Stop();
}

void WebhookSender::Advance() {
  if (!queue_.empty()) {
    backlog_->Drop(queue_.front().number);
    queue_.pop_front();
  }
  SendFirst();
}

}  // namespace byon::api
