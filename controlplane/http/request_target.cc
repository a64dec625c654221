#include "controlplane/http/request_target.h"

namespace byon::http {
namespace {

bool IsControl(int byte) { return byte < 0x20 || byte == 0x7f; }
bool IsLineEnd(unsigned char byte) { return byte == '\r' || byte == '\n'; }

// Of every method in IANA's registry.
bool IsOfMethod(unsigned char byte) { return (byte >= 'A' && byte <= 'Z') || byte == '-'; }

int HexValue(unsigned char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

RequestTarget::Verdict RequestTarget::Take(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size() && verdict_ == Verdict::kMore; ++i) {
    verdict_ = Take(static_cast<unsigned char>(bytes[i]));
  }
  return verdict_;
}

RequestTarget::Verdict RequestTarget::Take(unsigned char byte) {
  switch (place_) {
    case Place::kBefore:  // empty lines may come first (RFC 9112 section 2.2)
      if (IsLineEnd(byte)) return Verdict::kMore;
      place_ = Place::kMethod;
      [[fallthrough]];
    case Place::kMethod:
      if (byte == ' ') place_ = Place::kTarget;
      return byte == ' ' || IsOfMethod(byte) ? Verdict::kMore : Verdict::kGood;
    case Place::kTarget:
      if (byte == ' ' || IsLineEnd(byte)) return Verdict::kGood;
      if (byte == '%') place_ = Place::kHighDigit;
      return IsControl(byte) ? Verdict::kBad : Verdict::kMore;
    case Place::kHighDigit:
      high_digit_ = HexValue(byte);
      place_ = Place::kLowDigit;
      return high_digit_ < 0 ? Verdict::kBad : Verdict::kMore;
    case Place::kLowDigit:
      place_ = Place::kTarget;
      return HexValue(byte) < 0 || IsControl(high_digit_ * 16 + HexValue(byte)) ? Verdict::kBad : Verdict::kMore;
  }
  return Verdict::kGood;
}

}  // namespace byon::http
