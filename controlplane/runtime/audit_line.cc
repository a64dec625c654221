#include "controlplane/runtime/audit_line.h"

#include "controlplane/auth/sha256.h"

namespace byon::runtime {

std::string PseudonymOf(std::string_view user) {
  if (user.empty()) return "";
  std::string name = auth::Sha256Hex(user).substr(0, 12);
  for (char& digit : name) {
    if (digit >= '0' && digit <= '9') digit = static_cast<char>('g' + (digit - '0'));
  }
  return name;
}

void WriteAudit(Logger& log, const gateway::AuditEntry& entry) {
  log.Info("audit", {{"what", entry.what},
                     {"client", entry.client_id},
                     {"user", PseudonymOf(entry.user)},
                     {"number", entry.phone_number},
                     {"registration", entry.registration_id},
                     {"call", entry.call_id}});
}

}  // namespace byon::runtime
