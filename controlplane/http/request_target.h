#pragma once

#include <cstdint>
#include <string_view>

namespace byon::http {

// Judges the target of a request line, piece by piece as it comes (RFC 9112 section 3): control characters in it,
// plain or percent-encoded, and percent signs without two hex digits (RFC 3986 section 2.1) are refused.
// What does not begin as a request is good: it is for others to refuse.
class RequestTarget {
 public:
  enum class Verdict { kMore, kGood, kBad };
  // Once it is good or bad it stays so.
  Verdict Take(std::string_view bytes);

 private:
  enum class Place { kBefore, kMethod, kTarget, kHighDigit, kLowDigit };
  Verdict Take(unsigned char byte);

  Place place_ = Place::kBefore;
  int high_digit_ = 0;
  Verdict verdict_ = Verdict::kMore;
};

}  // namespace byon::http
