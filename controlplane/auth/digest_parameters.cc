#include "controlplane/auth/digest_parameters.h"

#include <cctype>

namespace byon::auth {
namespace {

bool IsTokenCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("-.!%*_+`'~/:").find(c) != std::string_view::npos;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool TakeScheme(std::string_view& header_value, std::string_view scheme) {
  while (!header_value.empty() && header_value.front() == ' ') header_value.remove_prefix(1);
  if (header_value.size() <= scheme.size() || LowerCase(header_value.substr(0, scheme.size())) != scheme) return false;
  const char next = header_value[scheme.size()];
  if (next != ' ' && next != '\t') return false;
  header_value.remove_prefix(scheme.size() + 1);
  return true;
}

bool ParameterScanner::Next(std::string& name, std::string& value) {
  SkipSpaceAndCommas();
  if (rest_.empty()) return false;
  name = LowerCase(TakeToken());
  SkipSpace();
  if (name.empty() || rest_.empty() || rest_.front() != '=') return Fail();
  rest_.remove_prefix(1);
  SkipSpace();
  if (rest_.empty()) return Fail();
  if (rest_.front() != '"') {
    value = TakeToken();
    return true;
  }
  return TakeQuoted(value);
}

bool ParameterScanner::Fail() {
  ok_ = false;
  return false;
}

void ParameterScanner::SkipSpace() {
  while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
}

void ParameterScanner::SkipSpaceAndCommas() {
  while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ',')) {
    rest_.remove_prefix(1);
  }
}

std::string ParameterScanner::TakeToken() {
  size_t length = 0;
  while (length < rest_.size() && IsTokenCharacter(rest_[length])) ++length;
  std::string token(rest_.substr(0, length));
  rest_.remove_prefix(length);
  return token;
}

bool ParameterScanner::TakeQuoted(std::string& value) {
  value.clear();
  for (size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      return true;
    }
    if (rest_[i] == '\\' && ++i == rest_.size()) break;
    // Escaped or not: what comes back in our answer must stay on its line.
    if (static_cast<unsigned char>(rest_[i]) < 0x20 && rest_[i] != '\t') return Fail();
    value.push_back(rest_[i]);
  }
  return Fail();
}

}  // namespace byon::auth
