#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/simphone/sip_message.h"
#include "tools/simphone/sip_transport.h"

namespace byon::simphone {

// One SIP dialog as a UA keeps it (RFC 3261 section 12).
struct Dialog {
  std::string call_id;
  std::string local_tag;
  std::string remote_tag;
  std::string local_address;   // From of our requests, without tag
  std::string remote_address;  // To of our requests, without tag
  std::string remote_target;
  std::vector<std::string> route_set;
  uint32_t local_cseq = 0;
  uint32_t remote_cseq = 0;

  // A request in the dialog, with the next CSeq unless the method is ACK.
  SipMessage MakeRequest(const std::string& method, const std::string& contact);
  SipMessage MakeAck(uint32_t cseq, const std::string& contact) const;
  // Where its requests go: the first route, else the remote target.
  SipEndpoint NextHop() const;

  // Takes route set and target from a response to our INVITE (section 12.1.2).
  void LearnFromResponse(const SipMessage& response);
  // From an INVITE that came in (section 12.1.1).
  static Dialog FromInvite(const SipMessage& invite, std::string local_tag);
  // Target refresh by a re-INVITE, UPDATE or their 2xx (section 12.2).
  void RefreshTarget(const SipMessage& message);

  bool Matches(const SipMessage& request) const;
};

// Where a request with these routes, or this target, goes. IPs only: the laboratory has no DNS.
SipEndpoint NextHopOf(const std::vector<std::string>& routes, const std::string& target);

}  // namespace byon::simphone
