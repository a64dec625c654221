#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "controlplane/api/object_reader.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

// The bodies of the CAMARA resources, out of the gateway's plain types.
nlohmann::json RegistrationBody(const gateway::Registration& registration);
nlohmann::json MediaSessionBody(const gateway::MediaSession& session);
// The one MediaSessionInformation of CAMARA r2.2, whose addresses are those of the events.
nlohmann::json MediaSessionBodyOfR2_2(const gateway::MediaSession& session, const std::string& home_domain);
// The extension's view of a session: everything the gateway knows of it.
nlohmann::json CallBody(const gateway::MediaSession& session);
// One that goes on elsewhere.
nlohmann::json CallElsewhereBody(const gateway::CallElsewhere& call);
// The same with what the network said, and every step; also of a call that has just ended.
nlohmann::json CallDetailsBody(const gateway::CallDetails& details);
nlohmann::json EmergencyData(const gateway::EmergencyNotice& notice);
nlohmann::json QualityBody(const gateway::MediaQuality& quality);

// Checks a LocationDetails object to the letter of the schema; the first mistake goes to `mistakes`.
void CheckLocation(const nlohmann::json& location, const std::string& path, Mistakes& mistakes);

// "data" of the CloudEvents, without subscriptionId.
nlohmann::json SessionEventData(const gateway::MediaSession& session, const std::optional<std::string>& location_json,
                                const std::string& home_domain);
nlohmann::json RegistrationEndsData(const gateway::RegistrationEnds& ends);
nlohmann::json ReferralData(const gateway::ReferralProgress& progress);
nlohmann::json TransferData(const gateway::TransferProgress& progress);
nlohmann::json DtmfData(const gateway::DtmfReceived& dtmf);

}  // namespace byon::api
