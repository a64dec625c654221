#include "controlplane/operators/operator_directory.h"

#include <algorithm>

#include "controlplane/auth/number_ranges.h"
#include "controlplane/auth/unproved_claims.h"
#include "controlplane/click_to_call/token_text.h"

namespace byon::operators {

OperatorDirectory::OperatorDirectory(std::vector<OperatorEntry> operators) : operators_(std::move(operators)) {
  for (size_t i = 0; i < operators_.size(); ++i) {
    for (const std::string& host : operators_[i].hosts) hosts_.Add(host, i);
    if (operators_[i].hosts.empty() && !without_hosts_) without_hosts_ = i;
  }
}

std::optional<size_t> OperatorDirectory::OfHost(std::string_view host) const {
  if (operators_.size() == 1) return 0;
  return hosts_.Find(host);
}

std::optional<size_t> OperatorDirectory::OfStranger(std::string_view host) const {
  const auto owner = OfHost(host);
  return owner ? owner : without_hosts_;
}

std::optional<size_t> OperatorDirectory::OfToken(std::string_view host, const std::string& token) const {
  if (const auto owner = OfHost(host)) return owner;
  if (const auto visitor = click_to_call::TokenText::Parse(token)) {
    for (size_t i = 0; i < operators_.size(); ++i) {
      if (operators_[i].id == visitor->operator_id) return i;
    }
    return OfStranger(host).value_or(0);  // nobody's: any operator says so
  }
  const auto claims = auth::UnprovedClaims::Read(token);
  if (!claims) return OfOpaqueToken(host);
  const std::string& issuer = claims->Text("iss");
  std::vector<size_t> candidates;
  for (size_t i = 0; i < operators_.size(); ++i) {
    const auto& issuers = operators_[i].issuers;
    if (std::find(issuers.begin(), issuers.end(), issuer) != issuers.end()) candidates.push_back(i);
  }
  // Nobody's issuer: any operator says so.
  if (candidates.empty()) return OfStranger(host).value_or(0);
  if (candidates.size() == 1) return candidates.front();
  for (const size_t i : candidates) {
    const OperatorEntry& one = operators_[i];
    const std::string number = claims->Number(one.number_claim);
    if (!number.empty() && !one.number_ranges.empty() && auth::IsInRanges(number, one.number_ranges)) return i;
  }
  return std::nullopt;
}

// The token itself says nothing. It must not be shown to one operator's identity provider after the other.
std::optional<size_t> OperatorDirectory::OfOpaqueToken(std::string_view host) const {
  std::optional<size_t> found;
  for (size_t i = 0; i < operators_.size(); ++i) {
    if (!operators_[i].introspects) continue;
    if (found) return OfStranger(host).value_or(0);
    found = i;
  }
  return found ? found : OfStranger(host).value_or(0);
}

}  // namespace byon::operators
