#pragma once

#include <optional>
#include <string>

#include "controlplane/gateway/service.h"

namespace byon::gateway {

// Where a visitor is, as far as the server can tell.
struct VisitorPlace {
  std::string origin;   // of the page; empty where the client sends none
  std::string address;  // IP literal
};
struct VisitorCallRequest {
  VisitorPlace place;
  std::string media_session_id;                   // unguessable; empty: made by the gateway
  std::optional<std::string> originator_address;  // a visitor has none: anonymous at most
  std::optional<std::string> receiver_address;    // the campaign's at most
  std::string offer_sdp;
  bool is_emergency = false;
  std::string client_correlator;  // idempotency key; may be empty
};
struct CampaignUse {
  uint32_t calls = 0;         // that go on
  uint32_t numbers_busy = 0;  // of the pool, with as many calls as each may have
};

// Click to call: calls of visitors of a business's page (Principal::is_visitor), without a registration. All else that
// a visitor may do with a call is Service's. Called on the gateway's strand.
class VisitorService {
 public:
  virtual ~VisitorService() = default;
  // Calls the campaign's number in the name of one of its pool. Answers like Service::CreateCall. kInvalidTokenContext
  // for another number and a token without calls, kTooManyRequests and kQuotaExceeded for limits, kUnavailable when the
  // pool is busy.
  virtual void CreateVisitorCall(const Principal& who, VisitorCallRequest request, Callback<MediaSession> done) = 0;
  virtual CampaignUse UseOf(const std::string& campaign_id) const = 0;
};

}  // namespace byon::gateway
