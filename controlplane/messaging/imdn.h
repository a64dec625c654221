#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::messaging {

// A message/imdn+xml document (RFC 5438 section 7.2): what became of a message.
struct Imdn {
  enum class Status { kDelivered, kDisplayed, kFailed };  // kFailed: failed, forbidden or error
  std::string message_id;
  std::string date_time;  // of the message, as its sender wrote it
  std::string recipient_uri;
  Status status = Status::kDelivered;
};

// Nothing for anything but a well-formed document with a message id and a status we know.
[[nodiscard]] std::optional<Imdn> ParseImdn(std::string_view xml);
std::string BuildImdn(const Imdn& imdn);

}  // namespace byon::messaging
