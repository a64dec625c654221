#pragma once

#include <string>
#include <string_view>

#include "controlplane/gateway/audit.h"
#include "controlplane/runtime/log.h"

namespace byon::runtime {

// The same name for the same user in every line, which is not the user's: letters alone, so that no log takes it for a
// number.
std::string PseudonymOf(std::string_view user);

// One line "audit", with the number masked as everywhere and the user by its pseudonym.
void WriteAudit(Logger& log, const gateway::AuditEntry& entry);

}  // namespace byon::runtime
