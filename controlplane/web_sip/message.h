#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace byon::web_sip {

// Why a WebSocket message is no SIP message.
enum class ParseFailure : uint8_t {
  kTooLarge,  // message, line or number of lines
  kBadStartLine,
  kBadVersion,      // neither 2.0 request nor 2.0 response
  kBadHeader,       // a line without name or colon, or with a control character
  kNoEndOfHeaders,  // the empty line is missing
  kBadLength,       // Content-Length is no number or is not the body's
};

// One SIP message as a WebSocket carries it, whole (RFC 7118 section 5). Header fields in order of arrival;
// names compare without case, compact forms (RFC 3261 section 7.3.3) are read as the long ones.
class SipMessage {
 public:
  struct Field {
    std::string name;
    std::string value;
  };
  static constexpr size_t kMaxBytes = 64 * 1024;
  static constexpr size_t kMaxLineBytes = 20 * 1024;  // a bearer token of 16 KiB has room
  static constexpr size_t kMaxFields = 128;

  [[nodiscard]] static base::Result<SipMessage, ParseFailure> Parse(std::string_view text);
  static SipMessage Request(std::string method, std::string uri);
  static SipMessage Response(int status, std::string reason);

  bool is_request() const { return status_ == 0; }
  const std::string& method() const { return method_; }
  const std::string& uri() const { return uri_; }
  int status() const { return status_; }
  const std::string& reason() const { return reason_; }
  const std::string& body() const { return body_; }
  const std::vector<Field>& fields() const { return fields_; }

  // The first value; null when there is none.
  const std::string* Find(std::string_view name) const;
  std::string Text(std::string_view name) const;  // the first value, or empty
  std::vector<std::string> All(std::string_view name) const;
  size_t Count(std::string_view name) const;
  // Whether a comma-separated list header has this item, over all its lines.
  bool Lists(std::string_view name, std::string_view item) const;
  // The media type of the body in lower case, without parameters.
  std::string ContentType() const;

  // Values come from parsed fields or are our own: a line end in one is a fault of ours.
  SipMessage& Add(std::string name, std::string value);
  SipMessage& SetBody(std::string content_type, std::string body);
  std::string Serialize() const;

 private:
  std::string method_;
  std::string uri_;
  int status_ = 0;
  std::string reason_;
  std::vector<Field> fields_;
  std::string body_;

  friend class MessageReader;
};

std::string_view ToString(ParseFailure failure);
// The phrase that RFC 3261 section 21 and its extensions give a status code.
std::string_view PhraseOf(int status);

}  // namespace byon::web_sip
