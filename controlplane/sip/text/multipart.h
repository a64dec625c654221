#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::sip {

// One part of a body. Views into the body that was split.
struct BodyPart {
  std::string type;         // lower case, without parameters; text/plain where the part says nothing
  std::string disposition;  // lower case; session for application/sdp and render else, where the part says nothing
  bool is_required = true;  // handling (RFC 3261 section 20.11)
  bool is_readable = true;  // neither encoded (base64) nor compressed, of which SIP needs nothing
  std::string_view content;
};

inline constexpr size_t kMaxBodyParts = 16;
inline constexpr size_t kMaxPartHeaderBytes = 4096;
inline constexpr int kMaxMultipartDepth = 3;

// Splits a multipart body (RFC 2046 section 5.1), parts within parts included: those of mixed and related ones in their
// order, of alternative ones the last that `understands` holds for, else the first. `content_type`: the whole value of
// the header field. Nothing for a body that is not closed, has no part, more or larger headers than these or is nested
// deeper.
[[nodiscard]] std::optional<std::vector<BodyPart>> SplitMultipart(std::string_view content_type, std::string_view body,
                                                                  bool (*understands)(const BodyPart&));

// What a body holds for us, in one piece or in parts (RFC 5621 section 3).
struct BodyVerdict {
  enum class Kind {
    kNone,         // no body
    kGood,         // `content` is what was looked for, or it has nothing of it that had to be understood
    kUnsupported,  // something has to be understood that is not: 415
    kMalformed,    // 400
  };
  Kind kind = Kind::kNone;
  std::optional<std::string_view> content;
};
// Looks for application/sdp with the disposition session. `disposition`: the message's Content-Disposition.
[[nodiscard]] BodyVerdict FindSdp(std::string_view content_type, std::string_view disposition, std::string_view body);
// The first part of this type, or the body itself; empty when there is none.
[[nodiscard]] std::string_view FindPart(std::string_view content_type, std::string_view body, std::string_view type);

// Joins parts, each a block of header lines and a content, with a boundary that stands in none of them.
struct NewPart {
  std::string headers;  // lines with their CRLF
  std::string content;
};
[[nodiscard]] std::string JoinMultipart(const std::vector<NewPart>& parts, std::string_view boundary);

}  // namespace byon::sip
