#include "controlplane/runtime/operators_check.h"

#include <algorithm>
#include <optional>

namespace byon::runtime {
namespace {

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

// Between them is at least one address and port that both would bind.
bool Collide(const ImsSettings& a, const ImsSettings& b) {
  const auto is_any = [](const std::string& address) { return address == "0.0.0.0" || address == "::"; };
  const bool is_same = a.local.address == b.local.address || is_any(a.local.address) || is_any(b.local.address);
  return is_same && a.local.port < b.local.port + b.shards && b.local.port < a.local.port + a.shards;
}

std::optional<std::string> SharedIssuer(const OauthConfig& a, const OauthConfig& b) {
  for (const auto& one : a.issuers) {
    for (const auto& other : b.issuers) {
      if (one.issuer == other.issuer) return one.issuer;
    }
  }
  return std::nullopt;
}

// In lower case, as hosts are kept.
std::string HostOfUrl(const std::string& url) {
  std::string host = url.substr(url.find("://") + 3);
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return host;
}

class Checker {
 public:
  explicit Checker(const std::vector<OperatorConfig>& operators) : operators_(operators) {}

  std::vector<OperatorMistake> Run() {
    for (size_t i = 0; i < operators_.size(); ++i) {
      CheckAlone(i);
      for (size_t j = 0; j < i; ++j) {
        const OperatorConfig& earlier = operators_[j];
        const OperatorConfig& later = operators_[i];
        CheckNames(earlier, later, i);
        CheckSip(earlier, later, i);
        CheckTokens(earlier, later, i);
      }
    }
    return std::move(mistakes_);
  }

 private:
  void Add(size_t index, std::string pointer, std::string sentence) {
    mistakes_.push_back({index, std::move(pointer), std::move(sentence)});
  }

  void CheckAlone(size_t index) {
    const OperatorConfig& one = operators_[index];
    for (size_t i = 0; i < one.hosts.size(); ++i) {
      if (std::find(one.hosts.begin(), one.hosts.begin() + static_cast<std::ptrdiff_t>(i), one.hosts[i]) ==
          one.hosts.begin() + static_cast<std::ptrdiff_t>(i))
        continue;
      Add(index, "/hosts/" + std::to_string(i),
          "hosts." + std::to_string(i) + " is " + Quoted(one.hosts[i]) + "; that host stands in the list twice.");
    }
    // A page on another host would be told of another operator.
    const std::string host = HostOfUrl(one.config.http.public_url);
    const std::string name = host.substr(0, host.find(':', host.starts_with("[") ? host.find(']') : 0));
    const bool is_reachable = one.hosts.empty() ||
                              std::find(one.hosts.begin(), one.hosts.end(), host) != one.hosts.end() ||
                              std::find(one.hosts.begin(), one.hosts.end(), name) != one.hosts.end();
    if (!is_reachable) {
      Add(index, "/http/public_url",
          "http.public_url is " + Quoted(one.config.http.public_url) +
              "; its host must be one of the operator's hosts.");
    }
  }

  void CheckNames(const OperatorConfig& earlier, const OperatorConfig& later, size_t index) {
    if (earlier.id == later.id) {
      Add(index, "/id", "id is " + Quoted(later.id) + "; another operator has that id already.");
    }
    for (size_t i = 0; i < later.hosts.size(); ++i) {
      if (std::find(earlier.hosts.begin(), earlier.hosts.end(), later.hosts[i]) == earlier.hosts.end()) continue;
      Add(index, "/hosts/" + std::to_string(i),
          "hosts." + std::to_string(i) + " is " + Quoted(later.hosts[i]) + "; that host belongs to operator " +
              earlier.id + " already.");
    }
  }

  void CheckSip(const OperatorConfig& earlier, const OperatorConfig& later, size_t index) {
    const ImsSettings& ims = later.config.ims;
    if (Collide(earlier.config.ims, ims)) {
      Add(index, "/ims/local",
          "ims.local is " + Quoted(ims.local.address + ":" + std::to_string(ims.local.port)) + "; operator " +
              earlier.id +
              " speaks SIP there already, each needs an address or ports (one for each of "
              "ims.shards) of its own.");
    }
    // A client of SIP over WebSocket shows its token only after the operator has challenged it.
    const bool are_nameless = earlier.hosts.empty() && later.hosts.empty();
    if (are_nameless && earlier.config.web_sip.is_enabled && later.config.web_sip.is_enabled) {
      Add(index, "/sip_websocket/enabled",
          "sip_websocket.enabled is true; that needs hosts, because operator " + earlier.id +
              " without hosts has it too.");
    }
  }

  void CheckTokens(const OperatorConfig& earlier, const OperatorConfig& later, size_t index) {
    const bool have_hosts = !earlier.hosts.empty() && !later.hosts.empty();
    const bool are_opaque = earlier.config.oauth.introspection && later.config.oauth.introspection;
    if (are_opaque && !have_hosts) {
      Add(index, "/oauth/introspection",
          "oauth.introspection is there for operator " + earlier.id +
              " too; an opaque token names no operator, so both need hosts.");
    }
    const auto issuer = SharedIssuer(earlier.config.oauth, later.config.oauth);
    if (!issuer) return;
    const bool have_ranges = !earlier.number_ranges.empty() && !later.number_ranges.empty();
    if (!have_hosts && !have_ranges) {
      return Add(index, "/oauth/issuers",
                 "oauth.issuers has " + Quoted(*issuer) + " like operator " + earlier.id +
                     "; both need hosts, or both need number_ranges.");
    }
    CheckRanges(earlier, later, index);
  }

  void CheckRanges(const OperatorConfig& earlier, const OperatorConfig& later, size_t index) {
    for (size_t i = 0; i < later.number_ranges.size(); ++i) {
      const std::string& range = later.number_ranges[i];
      for (const std::string& other : earlier.number_ranges) {
        if (!range.starts_with(other) && !other.starts_with(range)) continue;
        Add(index, "/number_ranges/" + std::to_string(i),
            "number_ranges." + std::to_string(i) + " is " + Quoted(range) + "; it overlaps with " + Quoted(other) +
                " of operator " + earlier.id + ", which has the same issuer.");
      }
    }
  }

  const std::vector<OperatorConfig>& operators_;
  std::vector<OperatorMistake> mistakes_;
};

}  // namespace

std::vector<OperatorMistake> CheckOperators(const std::vector<OperatorConfig>& operators) {
  return Checker(operators).Run();
}

}  // namespace byon::runtime
