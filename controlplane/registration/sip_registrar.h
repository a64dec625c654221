#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace byon::registration {

// Server-allocated name of one registration, opaque: the CAMARA registrationId.
using RegistrationId = std::string;

// One binding of a number to this gateway in the IMS (TS 24.229 section 5.1.1).
struct SipRegistration {
  RegistrationId id;
  std::string impu;                 // sip:+34600000001@ims.example
  std::string impi;                 // +34600000001@ims.example
  std::string instance_id;          // urn:uuid of the web device, stable
  std::string contact_token;        // opaque user part of our Contact
  std::chrono::seconds expires{0};  // asked for
};

// What the network answered with its 200.
struct SipRegistered {
  std::chrono::seconds expires{0};  // granted to our Contact
  std::string next_hop;             // the P-CSCF that took it, URI with an IP address
  std::vector<std::string> service_route;
  std::vector<std::string> associated_uris;
  std::string snapshot;  // Call-ID, CSeq, nonce...: opaque, for Restore
};

struct SipRegisterFailure {
  int status_code = 0;  // 408 when no P-CSCF answered
  std::string phrase;
  std::optional<std::chrono::seconds> retry_after;
  bool is_final = false;  // the network will not change its mind (403, 404, wrong credentials twice)
};

// Network-initiated de-registration (RFC 3680, TS 24.229 section 5.1.1.7).
struct SipDeregistered {
  enum class Event { kRejected, kDeactivated, kProbation, kUnregistered, kExpired, kShortened };
  Event event = Event::kRejected;
  std::optional<std::chrono::seconds> retry_after;
};

// REGISTER transactions with digest, Path, Service-Route, 423 and P-CSCF fail-over; when to send
// them is the registration logic's business. Called on the gateway's strand, never blocks; outcomes
// come through the observer on the same strand.
class SipRegistrar {
 public:
  virtual ~SipRegistrar() = default;
  // Initial or refreshing REGISTER (same id: same Call-ID, next CSeq).
  virtual void Register(const SipRegistration& registration) = 0;
  // Expires: 0 for our contact only; answered by OnDeregisterDone whatever the network says.
  virtual void Deregister(const RegistrationId& id) = 0;
  // Takes up a binding that an earlier process made, without sending anything.
  virtual void Restore(const SipRegistration& registration, const SipRegistered& registered) = 0;
};

class SipRegistrarObserver {
 public:
  virtual ~SipRegistrarObserver() = default;
  virtual void OnRegistered(const RegistrationId& id, SipRegistered registered) = 0;
  virtual void OnRegisterFailed(const RegistrationId& id, SipRegisterFailure failure) = 0;
  virtual void OnDeregisterDone(const RegistrationId& id) = 0;
  virtual void OnNetworkDeregistered(const RegistrationId& id, SipDeregistered deregistered) = 0;
};

}  // namespace byon::registration
