#include "controlplane/web_sip/counters.h"

namespace byon::web_sip {

std::string_view ToString(Counter counter) {
  switch (counter) {
    case Counter::kMalformed: return "malformed";
    case Counter::kBadRequest: return "bad_request";
    case Counter::kBadVersion: return "bad_version";
    case Counter::kBadExtension: return "bad_extension";
    case Counter::kBadBody: return "bad_body";
    case Counter::kTooManyHops: return "too_many_hops";
    case Counter::kLoop: return "loop";
    case Counter::kNoDialog: return "no_dialog";
    case Counter::kMethodNotAllowed: return "method_not_allowed";
    case Counter::kChallenged: return "challenged";
    case Counter::kBadCredentials: return "bad_credentials";
    case Counter::kForbidden: return "forbidden";
    case Counter::kUnknownDomain: return "unknown_domain";
    case Counter::kNotRegistered: return "not_registered";
    case Counter::kHelpRefused: return "help_refused";
    case Counter::kTooManyRegistrations: return "too_many_registrations";
    case Counter::kIntervalTooBrief: return "interval_too_brief";
    case Counter::kOldSequence: return "old_sequence";
    case Counter::kGlare: return "glare";
    case Counter::kRateLimited: return "rate_limited";
    case Counter::kTooManyTransactions: return "too_many_transactions";
    case Counter::kUnmatchedResponse: return "unmatched_response";
    case Counter::kUnmatchedAck: return "unmatched_ack";
    case Counter::kTransactionTimeout: return "transaction_timeout";
    case Counter::kAckTimeout: return "ack_timeout";
    case Counter::kSessionExpired: return "session_expired";
    case Counter::kIdleConnection: return "idle_connection";
    case Counter::kRegistered: return "registered";
    case Counter::kCallFromClient: return "call_from_client";
    case Counter::kCallToClient: return "call_to_client";
    case Counter::kMessageFromClient: return "message_from_client";
    case Counter::kMessageToClient: return "message_to_client";
    case Counter::kCount: break;
  }
  return "";
}

std::string Counters::TakeChanges() {
  std::string text;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i] == told_[i]) continue;
    text +=
        (text.empty() ? "" : " ") + std::string(ToString(static_cast<Counter>(i))) + '=' + std::to_string(values_[i]);
  }
  told_ = values_;
  return text;
}

}  // namespace byon::web_sip
