#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::messaging {

// A message/cpim body (RFC 3862) with the headers of RFC 5438 that a messaging client needs.
struct Cpim {
  std::string from;             // URI
  std::string to;               // URI
  std::string date_time;        // RFC 3339, as written
  std::string message_id;       // imdn.Message-ID; empty: none
  bool wants_delivery = false;  // imdn.Disposition-Notification: positive-delivery
  bool wants_display = false;   // ... display
  std::string content_type;     // of the content inside, the whole value
  std::string body;
};

// Nothing for a text that is no CPIM message, has more than 64 header lines or no Content-Type.
[[nodiscard]] std::optional<Cpim> ParseCpim(std::string_view text);
// Values must be free of line ends; `from`, `to` and `content_type` must be there.
std::string BuildCpim(const Cpim& cpim);

}  // namespace byon::messaging
