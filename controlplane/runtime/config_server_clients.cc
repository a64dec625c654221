#include <algorithm>

#include "controlplane/runtime/config_reader.h"

namespace byon::runtime {

using nlohmann::json;

// A server speaks for many numbers: whoever is one must be meant to be one.
void ConfigReader::ReadServerClients() {
  OauthConfig& oauth = config_.oauth;
  const json* servers = At("/oauth/server_clients");
  for (size_t i = 0; servers != nullptr && i < servers->size(); ++i) {
    const json& one = (*servers)[i];
    const std::string place = std::to_string(i);
    const std::string first = oauth.issuers.empty() ? "" : oauth.issuers.front().issuer;
    OauthConfig::ServerClient server{one.at("client_id").get<std::string>(), one.value("issuer", first),
                                     one.value("number_ranges", std::vector<std::string>())};
    const auto wrong = [&](const std::string& member, const std::string& value, const std::string& what) {
      Mistake("/oauth/server_clients/" + place + member,
              "oauth.server_clients." + place + "." + member.substr(1) + " is \"" + value + "\"; " + what);
    };
    const auto has_issuer = [&server](const auto& issuer) { return issuer.issuer == server.issuer; };
    const auto has_name = [&server](const auto& known) { return known.client_id == server.client_id; };
    if (server.client_id == oauth.web_client_id) {
      wrong("/client_id", server.client_id, "that is oauth.web_client.client_id, whose tokens are its users'.");
    } else if (std::any_of(oauth.server_clients.begin(), oauth.server_clients.end(), has_name)) {
      wrong("/client_id", server.client_id, "that client stands in the list twice.");
    } else if (std::none_of(oauth.issuers.begin(), oauth.issuers.end(), has_issuer)) {
      wrong("/issuer", server.issuer, "it must be one of oauth.issuers.");
    }
    oauth.server_clients.push_back(std::move(server));
  }
}

}  // namespace byon::runtime
