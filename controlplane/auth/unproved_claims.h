#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace byon::auth {

// What a JWT says of itself. Nothing of it is proved: it serves to choose who is to judge the token, never to
// let anybody in.
class UnprovedClaims {
 public:
  // Nothing for what is no JWT, too large or no JSON object.
  [[nodiscard]] static std::optional<UnprovedClaims> Read(std::string_view token);

  // The value of a text claim; empty when there is none.
  const std::string& Text(const std::string& claim) const;
  // The +E.164 number of a claim, as such or as tel: URI; empty when there is none.
  std::string Number(const std::string& claim) const;

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace byon::auth
