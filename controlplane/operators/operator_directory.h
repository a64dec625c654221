#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/host_table.h"

namespace byon::operators {

// By what an operator's requests are known.
struct OperatorEntry {
  std::string id;
  std::vector<std::string> hosts;  // its own alone; lower case
  std::vector<std::string> issuers;
  std::vector<std::string> number_ranges;  // "+3460"; empty: any number
  std::string number_claim = "phone_number";
  bool introspects = false;  // takes opaque tokens
};

// Chooses the operator of a request. It only chooses: whether a token is good, and good there, is judged by the
// operator that was chosen. Operators are named by their place in the list.
class OperatorDirectory {
 public:
  // Two operators with one issuer both have hosts, or both number ranges that do not overlap.
  explicit OperatorDirectory(std::vector<OperatorEntry> operators);

  size_t size() const { return operators_.size(); }
  const OperatorEntry& operator[](size_t index) const { return operators_[index]; }

  // Whose host this is alone; with a single operator that one's. `host`: the value of Host as it came.
  std::optional<size_t> OfHost(std::string_view host) const;
  // Who serves those that show no token: the owner of the host, else the first operator without hosts.
  std::optional<size_t> OfStranger(std::string_view host) const;
  // Who judges the token: the owner of the host; elsewhere by issuer, and among several of one issuer by number.
  // Nothing when the token says too little for that.
  std::optional<size_t> OfToken(std::string_view host, const std::string& token) const;

 private:
  std::optional<size_t> OfOpaqueToken(std::string_view host) const;

  const std::vector<OperatorEntry> operators_;
  api::HostTable hosts_;
  std::optional<size_t> without_hosts_;
};

}  // namespace byon::operators
