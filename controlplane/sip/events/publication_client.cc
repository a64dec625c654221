#include "controlplane/sip/events/publication_client.h"

namespace byon::sip {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr uint64_t kMaxExpiresS = 600'000;
constexpr milliseconds kRetryAfterFailure = seconds(60);
constexpr int kMaxAttempts = 4;

}  // namespace

void PublicationClient::Publish(Target target, std::string document) {
  target_ = std::move(target);
  is_leaving_ = false;
  if (document == document_ && !etag_.empty()) return;
  document_ = std::move(document);
  is_document_new_ = true;
  attempts_ = 0;
  // One at a time (RFC 3903 section 4): what is new goes out when the answer is there.
  if (transaction_ == nullptr) Send({});
}

bool PublicationClient::Remove() {
  timer_.Clear();
  is_leaving_ = true;
  // What is under way may give a tag, without which the state could not be taken back.
  if (transaction_ != nullptr) return false;
  if (!etag_.empty()) SendRemoval({});
  return transaction_ == nullptr;
}

void PublicationClient::SendRemoval(const std::string& authorization) {
  transaction_ = context_.transactions.Send(
      BuildRequest(false, 0, authorization),
      [this](int status, const MessageView& response) { HandleRemovalResponse(status, response); });
}

void PublicationClient::HandleRemovalResponse(int status, const MessageView& response) {
  if (status < 200) return;
  transaction_.reset();
  if ((status == 401 || status == 407) && ++attempts_ <= kMaxAttempts) {
    auth::DigestSession session;
    const auto line = AnswerChallenge(context_, response, "PUBLISH", target_.impu, target_.impi, &session);
    if (line) return SendRemoval(*line);
  }
  etag_.clear();
  if (!is_leaving_) return Send({});  // published anew meanwhile
  owner_.OnPublicationGone();
}

RequestText PublicationClient::BuildRequest(bool has_body, uint64_t expires_s, const std::string& authorization) {
  if (call_id_.empty()) call_id_ = RandomHex(16);
  RequestText request{.method = "PUBLISH",
                      .uri = target_.impu,
                      .headers = {},
                      .body = has_body ? document_ : "",
                      .content_type = content_type_,
                      .route = context_.WireDestination(target_.routes, {}, target_.next_hop)};
  std::string& h = request.headers;
  for (const std::string& route : target_.routes) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + target_.impu + ">;tag=" + call_id_.substr(0, 16));
  AddHeader(h, "To", "<" + target_.impu + ">");
  AddHeader(h, "Call-ID", call_id_);
  AddHeader(h, "CSeq", std::to_string(++cseq_) + " PUBLISH");
  AddHeader(h, "Event", event_);
  AddHeader(h, "Expires", std::to_string(expires_s));
  AddHeader(h, "SIP-If-Match", etag_);
  AddHeader(h, context_.IdentityHeader(), "<" + target_.impu + ">");
  AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  AddHeader(h, "P-Charging-Vector", context_.ChargingVector());
  h += authorization;
  return request;
}

void PublicationClient::Send(const std::string& authorization) {
  timer_.Clear();
  is_sending_new_ = is_document_new_ || etag_.empty();
  is_document_new_ = false;
  transaction_ =
      context_.transactions.Send(BuildRequest(is_sending_new_, expires_s_, authorization),
                                 [this](int status, const MessageView& response) { HandleResponse(status, response); });
  if (transaction_ == nullptr) Retry(kRetryAfterFailure);
}

void PublicationClient::Retry(milliseconds delay) {
  is_document_new_ = is_document_new_ || is_sending_new_;
  timer_.Set(delay, [this] {
    attempts_ = 0;
    Send({});
  });
}

void PublicationClient::HandleResponse(int status, const MessageView& response) {
  if (status < 200) return;
  transaction_.reset();
  if (status < 300) {
    attempts_ = 0;
    const auto etag = response.Header("SIP-ETag");
    if (etag && IsSafeText(*etag)) etag_ = *etag;
    if (is_leaving_) {
      if (!etag_.empty()) SendRemoval({});
      return transaction_ == nullptr ? owner_.OnPublicationGone() : void();
    }
    if (is_document_new_) return Send({});
    const auto granted = response.Number("Expires", kMaxExpiresS).value_or(expires_s_);
    if (granted == 0) return;
    // A refresh well before the state is dropped.
    const seconds life(granted);
    timer_.Set(life > seconds(1200) ? milliseconds(life - seconds(600)) : milliseconds(life) / 2, [this] { Send({}); });
    return;
  }
  if (is_leaving_) return owner_.OnPublicationGone();
  const bool may_repeat = ++attempts_ <= kMaxAttempts;
  is_document_new_ = is_document_new_ || is_sending_new_;
  if ((status == 401 || status == 407) && may_repeat) {
    auth::DigestSession session;
    const auto line = AnswerChallenge(context_, response, "PUBLISH", target_.impu, target_.impi, &session);
    if (line) return Send(*line);
  }
  // The network has forgotten the state: all of it again (RFC 3903 section 4.1).
  if (status == 412 && may_repeat && !etag_.empty()) {
    etag_.clear();
    return Send({});
  }
  const auto min_expires = response.Number("Min-Expires", kMaxExpiresS);
  if (status == 423 && may_repeat && min_expires && *min_expires > expires_s_) {
    expires_s_ = *min_expires;
    return Send({});
  }
  if (status == 408 || status == 480 || status == 412 || (status >= 500 && status < 600)) {
    const auto wait = response.Number("Retry-After", 86400);
    return Retry(wait ? milliseconds(seconds(*wait)) : kRetryAfterFailure);
  }
  owner_.OnPublicationRefused(status);
}

}  // namespace byon::sip
