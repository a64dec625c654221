#include "controlplane/http/request_framing.h"

#include <algorithm>
#include <charconv>

namespace byon::http {

std::variant<BodyLength, FramingFault> JudgeFraming(std::string_view method, std::string_view content_length,
                                                    std::string_view transfer_encoding, size_t max_body_bytes) {
  if (!transfer_encoding.empty()) {
    return FramingFault{411, "Send the body with a Content-Length, not in chunks."};
  }
  const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (content_length.empty()) return BodyLength{0, may_have_body};
  const bool is_number = std::ranges::all_of(content_length, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return FramingFault{400, "Content-Length must be a plain number."};
  uint64_t bytes = 0;
  const auto [end, error] =
      std::from_chars(content_length.data(), content_length.data() + content_length.size(), bytes);
  if (error != std::errc() || bytes > max_body_bytes) {
    return FramingFault{413, "The request body is too large."};
  }
  if (bytes > 0 && !may_have_body) return FramingFault{400, "This method has no body."};
  return BodyLength{static_cast<size_t>(bytes)};
}

}  // namespace byon::http
