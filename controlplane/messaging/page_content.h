#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "controlplane/messaging/imdn.h"

namespace byon::messaging {

// What the body of a MESSAGE says.
struct TextContent {
  std::string text;        // fit to be shown
  std::string message_id;  // the sender's own (RFC 5438); empty: none
  std::string date_time;   // the sender's, as written
  bool wants_delivery = false;
  bool wants_display = false;
};
// Why a body is not taken, as a SIP status: 415, or 400 for one that is broken.
struct UnusableContent {
  int status = 415;
};
using PageContent = std::variant<TextContent, Imdn, UnusableContent>;

// text/plain in UTF-8 or ASCII, message/cpim around it, or a notification (RFC 5438).
[[nodiscard]] PageContent ReadPageContent(std::string_view content_type, std::string_view body);

}  // namespace byon::messaging
