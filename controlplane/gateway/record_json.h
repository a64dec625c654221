#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controlplane/call/call_record.h"
#include "controlplane/gateway/call_trace.h"
#include "controlplane/messaging/message.h"
#include "controlplane/registration/registration_record.h"

// Records as the store keeps them: versioned JSON. A record of another version or a damaged one
// reads as nothing.
namespace byon::gateway {

std::string ToJson(const call::CallRecord& record);
std::string ToJson(const registration::RegistrationRecord& record);
std::string ToJson(const messaging::Message& message);
std::string ToJson(const CallTrace& trace);  // texts are cut after 256 bytes
std::optional<CallTrace> ReadCallTrace(std::string_view json);
std::optional<messaging::Message> ReadMessage(std::string_view json);
std::optional<call::CallRecord> ReadCallRecord(std::string_view json);
std::optional<registration::RegistrationRecord> ReadRegistrationRecord(std::string_view json);

}  // namespace byon::gateway
