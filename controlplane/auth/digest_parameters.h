#pragma once

#include <string>
#include <string_view>

namespace byon::auth {

std::string LowerCase(std::string_view text);
// What follows the scheme name when the header value has this scheme ("digest", lower case).
bool TakeScheme(std::string_view& header_value, std::string_view scheme);

// Walks over "name=value, name="value"..." (auth-param of RFC 7616). Values come without quotes and escapes.
class ParameterScanner {
 public:
  explicit ParameterScanner(std::string_view text) : rest_(text) {}

  // False at the end and at the first syntax error; ok() tells which.
  bool Next(std::string& name, std::string& value);
  bool ok() const { return ok_; }

 private:
  bool Fail();
  void SkipSpace();
  void SkipSpaceAndCommas();
  std::string TakeToken();
  bool TakeQuoted(std::string& value);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace byon::auth
