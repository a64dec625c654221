#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::simphone {

// A SIP URI split as far as routing needs it (RFC 3261 section 19.1); a tel URI has no host.
struct SipUri {
  std::string scheme;
  std::string user;
  std::string host;        // IPv6 without brackets
  uint16_t port = 0;       // 0: not given
  std::string parameters;  // with the leading ';', or empty

  static std::optional<SipUri> Parse(std::string_view text);
};

// A header value such as From, Contact or Route: "name" <uri>;parameters.
struct NameAddress {
  std::string uri;
  std::string parameters;  // with the leading ';', or empty

  static NameAddress Parse(std::string_view text);
  // The value of ;name=value without quotes; nullopt when absent.
  std::optional<std::string> Parameter(std::string_view name) const;
};

std::optional<std::string> FindParameter(std::string_view parameters, std::string_view name);

// A request or a response, headers in order of arrival. Names compare without case and compact
// forms (RFC 3261 section 7.3.3) are expanded when parsed.
class SipMessage {
 public:
  static SipMessage Request(std::string method, std::string uri);
  // A response that carries what RFC 3261 section 8.2.6.2 copies from the request.
  static SipMessage ResponseTo(const SipMessage& request, int status, std::string reason);
  // nullopt when the start line or a header is not SIP. The body is what follows the empty line,
  // cut at Content-Length when that is given.
  static std::optional<SipMessage> Parse(std::string_view wire);

  // How many bytes the first message of a TCP stream takes (RFC 3261 section 18.3); nullopt while
  // its header section is not complete.
  static std::optional<size_t> FrameLength(std::string_view stream);

  bool is_request() const { return status_ == 0; }
  const std::string& method() const { return method_; }  // of the request, or of CSeq
  const std::string& request_uri() const { return request_uri_; }
  int status() const { return status_; }
  const std::string& reason_phrase() const { return reason_; }
  const std::string& body() const { return body_; }

  // The first value, or empty.
  std::string Header(std::string_view name) const;
  // All values, with comma-separated ones split.
  std::vector<std::string> HeaderList(std::string_view name) const;
  bool HasOption(std::string_view header, std::string_view option) const;
  uint32_t cseq() const;

  void Add(std::string name, std::string value);
  void AddFirst(std::string name, std::string value);
  void Set(std::string_view name, std::string value);
  void Remove(std::string_view name);
  void SetBody(std::string content_type, std::string body);

  std::string Serialize() const;

  struct Field {
    std::string name;
    std::string value;
  };
  const std::vector<Field>& fields() const { return fields_; }

 private:
  bool ParseStartLine(std::string_view line);

  std::string method_;
  std::string request_uri_;
  int status_ = 0;
  std::string reason_;
  std::vector<Field> fields_;
  std::string body_;
};

bool EqualNoCase(std::string_view a, std::string_view b);
std::string_view Trim(std::string_view text);

}  // namespace byon::simphone
