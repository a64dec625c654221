#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

namespace byon::http {

// How many body bytes follow a request's headers.
struct BodyLength {
  size_t bytes = 0;
  // No length was given where the library waits for a body all the same: what follows on the connection would be
  // taken for one, so the connection ends with the answer.
  bool must_close = false;
};
// Why the framing is refused; the connection cannot be used any further.
struct FramingFault {
  int http_status = 400;
  const char* message = "";
};

// Judges Content-Length and Transfer-Encoding (RFC 9112 section 6.3); empty texts stand for absent headers.
// 411 for any transfer coding, 400 for a length that is not a plain number, 413 above the limit. 400 too for a body
// with a method that has none here: the library would take it for the next request (request smuggling).
[[nodiscard]] std::variant<BodyLength, FramingFault> JudgeFraming(std::string_view method,
                                                                  std::string_view content_length,
                                                                  std::string_view transfer_encoding,
                                                                  size_t max_body_bytes);

}  // namespace byon::http
