#include "controlplane/sip/text/session_timer.h"

#include <algorithm>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<SessionExpires> ParseSessionExpires(std::string_view header_value) {
  const size_t semicolon = header_value.find(';');
  const auto interval = ParseNumber(header_value.substr(0, semicolon), 0x7fffffff);
  if (!interval) return std::nullopt;
  SessionExpires result{.interval = seconds(*interval)};
  const std::string parameters = semicolon == std::string_view::npos ? "" : ToLower(header_value.substr(semicolon));
  if (parameters.find("refresher=uac") != std::string::npos) result.refresher = Refresher::kUac;
  if (parameters.find("refresher=uas") != std::string::npos) result.refresher = Refresher::kUas;
  return result;
}

milliseconds SessionTimer::ExpireAfter() const {
  const milliseconds whole(interval);
  return whole - std::min(milliseconds(seconds(32)), whole / 3);
}

SessionTimerAnswer AnswerSessionTimer(const SessionTimerRequest& request, seconds preferred, seconds minimum) {
  SessionTimerAnswer answer;
  if (!request.session_expires && preferred.count() == 0) return answer;
  seconds interval = std::max({preferred, request.min_se, minimum});
  Refresher refresher = request.supports_timer ? Refresher::kUac : Refresher::kUas;
  if (request.session_expires) {
    // Table 2 of RFC 4028: a UAC without the extension cannot retry after a 422.
    if (request.session_expires->interval < minimum && request.supports_timer) {
      answer.is_too_small = true;
      return answer;
    }
    interval = std::max(request.session_expires->interval, minimum);
    if (request.supports_timer && request.session_expires->refresher != Refresher::kUnspecified) {
      refresher = request.session_expires->refresher;
    }
  }
  const bool is_uac = refresher == Refresher::kUac;
  answer.timer = {.interval = interval, .we_refresh = !is_uac};
  answer.header = std::to_string(interval.count()) + (is_uac ? ";refresher=uac" : ";refresher=uas");
  answer.requires_timer = is_uac;
  return answer;
}

SessionTimer TimerFromResponse(const std::optional<SessionExpires>& in_response) {
  if (!in_response || in_response->interval.count() == 0) return {};
  return {.interval = in_response->interval, .we_refresh = in_response->refresher != Refresher::kUas};
}

}  // namespace byon::sip
