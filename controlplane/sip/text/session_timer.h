#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace byon::sip {

enum class Refresher { kUnspecified, kUac, kUas };

// Session-Expires of one message (RFC 4028 section 4).
struct SessionExpires {
  std::chrono::seconds interval{0};
  Refresher refresher = Refresher::kUnspecified;
};
[[nodiscard]] std::optional<SessionExpires> ParseSessionExpires(std::string_view header_value);

// The session timer agreed for a dialog; interval 0: none.
struct SessionTimer {
  std::chrono::seconds interval{0};
  bool we_refresh = false;

  bool is_on() const { return interval.count() > 0; }
  // When the refresher sends its refresh (RFC 4028 section 7.2: half of the interval).
  std::chrono::milliseconds RefreshAfter() const { return std::chrono::milliseconds(interval) / 2; }
  // When the other side gives up (RFC 4028 section 10).
  std::chrono::milliseconds ExpireAfter() const;
  bool operator==(const SessionTimer&) const = default;
};

// What a request says about session timers.
struct SessionTimerRequest {
  bool supports_timer = false;
  std::optional<SessionExpires> session_expires;
  std::chrono::seconds min_se{90};
};

// UAS behaviour (RFC 4028 section 9): what goes into our 2xx, or a 422.
struct SessionTimerAnswer {
  bool is_too_small = false;  // answer 422 with Min-SE: our minimum
  SessionTimer timer;
  std::optional<std::string> header;  // value of Session-Expires
  bool requires_timer = false;        // Require: timer
};
[[nodiscard]] SessionTimerAnswer AnswerSessionTimer(const SessionTimerRequest& request, std::chrono::seconds preferred,
                                                    std::chrono::seconds minimum);

// UAC behaviour (RFC 4028 section 7.2): the timer after a 2xx to our request.
[[nodiscard]] SessionTimer TimerFromResponse(const std::optional<SessionExpires>& in_response);

}  // namespace byon::sip
