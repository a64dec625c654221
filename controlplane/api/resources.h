#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "controlplane/gateway/service.h"

namespace byon::api {

// The bodies of the CAMARA resources, out of the gateway's plain types.
nlohmann::json RegistrationBody(const gateway::Registration& registration);
nlohmann::json MediaSessionBody(const gateway::MediaSession& session);
// The extension's view of a session: everything the gateway knows of it.
nlohmann::json CallBody(const gateway::MediaSession& session);
nlohmann::json QualityBody(const gateway::MediaQuality& quality);

// Checks a LocationDetails object to the letter of the schema; the first mistake goes to `mistake`.
void CheckLocation(const nlohmann::json& location, const std::string& path, std::string& mistake);

// "data" of the CloudEvents, without subscriptionId.
nlohmann::json SessionEventData(const gateway::MediaSession& session,
                                const std::optional<std::string>& location_json,
                                const std::string& home_domain);
nlohmann::json RegistrationEndsData(const gateway::RegistrationEnds& ends);
nlohmann::json DtmfData(const gateway::DtmfReceived& dtmf);

}  // namespace byon::api
