#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/text/header_text.h"
#include "controlplane/sip/text/multipart.h"
#include "controlplane/sip/text/session_timer.h"

struct sip_s;

namespace byon::sip {

// A received SIP message, read as text: valid only while the transaction's callback runs.
class MessageView {
 public:
  // `sip` may be null (a response made up by the stack on a timeout); everything is then empty.
  explicit MessageView(const sip_s* sip) : sip_(sip) {}

  bool is_empty() const { return sip_ == nullptr; }
  bool is_request() const;
  std::string method() const;  // of the request line, or of CSeq in a response
  std::string request_uri() const;
  int status() const;  // 0 in a request
  std::string phrase() const;
  std::string call_id() const;
  uint32_t cseq() const;
  std::string from_tag() const;
  std::string to_tag() const;
  std::string from() const;  // name-addr with parameters other than tag
  std::string to() const;
  std::optional<int> max_forwards() const;

  // Value of the first header field of this name; the compact form is known by its long name.
  std::optional<std::string> Header(std::string_view name) const;
  // The values of all fields of this name, comma-separated ones one by one.
  std::vector<std::string> Headers(std::string_view name) const;
  bool Lists(std::string_view header, std::string_view token) const;
  std::optional<uint64_t> Number(std::string_view header, uint64_t max) const;
  ReasonFields reason() const;
  std::optional<SessionExpires> session_expires() const;
  SessionTimerRequest session_timer_request() const;

  std::string_view body() const;
  std::string content_type() const;  // lower case, without parameters
  // The session description, alone or in a multipart body.
  std::optional<std::string> sdp() const;
  // Whether a request can be taken with its body, or what is to be said of it.
  BodyVerdict::Kind body_kind() const;
  // The text of this type, alone or in a multipart body; empty: there is none.
  std::string_view part(std::string_view type) const;
  // URI of the first Contact.
  std::string contact_uri() const;
  // Record-Route as the route set of a UAS (as received) or of a UAC (reversed).
  std::vector<std::string> RouteSet(bool is_reversed) const;

 private:
  BodyVerdict JudgeBody() const;

  const sip_s* sip_;
};

}  // namespace byon::sip
