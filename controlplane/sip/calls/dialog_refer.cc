// REFER within a dialog (RFC 3515), and the implicit subscription that tells how it goes; it may outlive the INVITE's
// usage of the dialog (RFC 5057).
#include <algorithm>

#include "controlplane/sip/calls/dialog.h"
#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/text/refer_to.h"

namespace byon::sip {
namespace {

constexpr int kAccepted = 202;
constexpr int kPending = 491;
constexpr std::chrono::seconds kSubscriptionTime{180};

bool IsPassing(int status) { return status < 200; }

}  // namespace

void Dialog::HandleRefer(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  if (!context_.config.accepts_refer) return RefuseMethod(context_, *transaction, request);
  const auto refuse = [&](int status) {
    context_.counters.Add(SipCounter::kReferRefused);
    transaction->Respond(status);
  };
  if (!is_confirmed_ || (refer_ && !refer_->is_over)) return refuse(kPending);
  const auto values = request.Headers("Refer-To");
  const auto target = values.size() == 1 ? ParseReferTo(values.front()) : std::nullopt;
  if (!target) return refuse(400);
  const auto uri = ParseUri(target->uri);
  if (!uri || (uri->scheme != "sip" && uri->scheme != "tel")) return refuse(416);
  if (!target->is_invite || !IsSafeUri(target->uri)) return refuse(603);
  call::Referral referral{.target_uri = target->uri, .replaces = target->replaces};
  const auto referrer = ParseNameAddr(request.Header("Referred-By").value_or(""));
  if (referrer && IsSafeUri(referrer->uri)) referral.referred_by = referrer->uri;
  refer_ = std::make_unique<Refer>();
  refer_->is_silent = EqualsIgnoringCase(request.Header("Refer-Sub").value_or(""), "false");
  // The first subscription of a dialog needs no name (RFC 3515 section 2.4.6), and old peers know none.
  refer_->event = refer_count_++ == 0 ? "refer" : "refer;id=" + std::to_string(request.cseq());
  refer_->transaction = std::move(transaction);
  owner_.OnReferral(*this, std::move(referral));
}

void Dialog::AnswerReferral(int status) {
  if (!refer_ || refer_->transaction == nullptr) return;
  const auto transaction = std::move(refer_->transaction);
  if (status != kAccepted) {
    context_.counters.Add(SipCounter::kReferRefused);
    transaction->Respond(status);
    refer_.reset();
    return;
  }
  context_.counters.Add(SipCounter::kReferAccepted);
  std::string headers;
  AddHeader(headers, "Contact", state_.contact);
  if (refer_->is_silent) AddHeader(headers, "Refer-Sub", "false");
  transaction->Respond(status, "Accepted", headers);
  if (!refer_->is_silent) ReportReferral(100, "Trying");
}

// One NOTIFY at a time, so that none overtakes another; of those that wait the last counts.
void Dialog::ReportReferral(int status, const std::string& phrase) {
  if (!refer_ || refer_->is_final) return;
  refer_->is_final = !IsPassing(status);
  if (!refer_->is_silent) {
    refer_->pending = {status, phrase};
    if (refer_->notify == nullptr) SendReferralNotify({});
  } else if (refer_->is_final) {
    EndRefer();
  }
}

// What is still to be said goes out before the BYE.
void Dialog::FlushReferral() {
  if (refer_ && refer_->pending) SendReferralNotify({});
}

// `authorization`: the answer to the challenge that the first attempt met.
void Dialog::SendReferralNotify(const std::string& authorization) {
  const auto [status, phrase] = *refer_->pending;
  RequestText request = NewRequest("NOTIFY");
  AddHeader(request.headers, "Contact", state_.contact);
  AddHeader(request.headers, "Event", refer_->event);
  AddHeader(request.headers, "Subscription-State",
            IsPassing(status) ? "active;expires=" + std::to_string(kSubscriptionTime.count())
                              : "terminated;reason=noresource");
  request.headers += authorization;
  request.content_type = "message/sipfrag;version=2.0";
  std::string line = "SIP/2.0 " + std::to_string(status) + ' ';
  for (const char c : phrase) line += c >= 0x20 && c < 0x7f ? c : ' ';
  request.body = line + "\r\n";
  refer_->pending.reset();
  const std::string uri = request.uri;
  const bool is_first = authorization.empty();
  refer_->notify = context_.transactions.Send(
      request, [this, said = std::pair(status, phrase), uri, is_first](int answer, const MessageView& response) {
        if (answer < 200) return;
        refer_->notify.reset();
        if ((answer == 401 || answer == 407) && is_first) {
          auth::DigestSession session;
          const auto credentials = AnswerChallenge(context_, response, "NOTIFY", uri, state_.impi, &session);
          if (credentials) {
            if (!refer_->pending) refer_->pending = said;
            return SendReferralNotify(*credentials);
          }
        }
        if (answer >= 300) {
          // 481: nobody listens any more (RFC 6665 section 4.1.3).
          context_.counters.Add(SipCounter::kReferNotifyRefused);
          refer_->is_silent = true;
          refer_->pending.reset();
        }
        if (refer_->pending) return SendReferralNotify({});
        if (refer_->is_final) EndRefer();
      });
  if (refer_->notify == nullptr && refer_->is_final) EndRefer();
}

// Not at once: a transaction of it may be on the stack.
void Dialog::EndRefer() {
  refer_->is_over = true;
  owner_.OnReferralOver(*this);
}

}  // namespace byon::sip
