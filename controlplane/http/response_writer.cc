#include "controlplane/http/response_writer.h"

#include <libwebsockets.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace byon::http {
namespace {
constexpr size_t kHeaderBytes = 8192;
constexpr size_t kPieceBytes = 32768;
const auto* Unsigned(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }
}  // namespace

ResponseWriter::ResponseWriter(api::HttpResponse response, bool is_head, bool closes_connection)
    : response_(std::move(response)), is_head_(is_head), closes_connection_(closes_connection) {}

bool ResponseWriter::WriteHeaders(lws* connection) {
  std::vector<unsigned char> buffer(LWS_PRE + kHeaderBytes);
  unsigned char* start = buffer.data() + LWS_PRE;
  unsigned char* position = start;
  unsigned char* const end = buffer.data() + buffer.size();
  const auto status = static_cast<unsigned>(response_.status) | LWSAHH_FLAG_NO_SERVER_NAME;
  if (lws_add_http_header_status(connection, status, &position, end) != 0) return false;
  const auto add = [&](const std::string& name, const std::string& value) {
    const std::string with_colon = name + ":";
    return lws_add_http_header_by_name(connection, Unsigned(with_colon), Unsigned(value),
                                       static_cast<int>(value.size()), &position, end) == 0;
  };
  for (const auto& [name, value] : response_.headers) {
    if (!add(name, value)) return false;
  }
  if (closes_connection_ && !add("connection", "close")) return false;
  const bool has_no_body = response_.status == 204 || response_.status == 304;
  if (!has_no_body && lws_add_http_header_content_length(connection, response_.body.size(), &position, end) != 0) {
    return false;
  }
  return lws_finalize_write_http_header(connection, start, &position, end) == 0;
}

ResponseWriter::Progress ResponseWriter::Write(lws* connection) {
  if (!headers_written_) {
    if (!WriteHeaders(connection)) return Progress::kFailed;
    headers_written_ = true;
    const bool has_body = !is_head_ && !response_.body.empty() && response_.status != 204 && response_.status != 304;
    return has_body ? Progress::kMore : Progress::kDone;
  }
  const size_t piece = std::min(kPieceBytes, response_.body.size() - body_written_);
  const bool is_last = body_written_ + piece == response_.body.size();
  std::vector<unsigned char> buffer(LWS_PRE + piece);
  std::memcpy(buffer.data() + LWS_PRE, response_.body.data() + body_written_, piece);
  const int written =
      lws_write(connection, buffer.data() + LWS_PRE, piece, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
  if (written < static_cast<int>(piece)) return Progress::kFailed;
  body_written_ += piece;
  return is_last ? Progress::kDone : Progress::kMore;
}

}  // namespace byon::http
