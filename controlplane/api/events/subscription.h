#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/api/events/cloud_event.h"
#include "controlplane/api/owner.h"
#include "controlplane/store/store.h"

namespace byon::api {

struct SinkCredential {
  std::string access_token;
  WallTime expires_at;
};

// One subscription of webrtc-events-subscriptions (r3.1) or webrtc-events (r2.2).
struct Subscription {
  std::string id;
  Release release = Release::kR3_1;
  Owner owner;
  std::string sink;
  std::optional<SinkCredential> credential;  // never shown
  std::vector<EventType> types;
  std::string device_id;
  // r2.2 only: the registration, and a single session of it.
  std::string registration_id;
  bool is_for_registration = false;  // else for the whole device: the registration was not known yet
  std::string session_id;
  std::optional<int64_t> max_events;
  std::optional<bool> initial_event;  // kept for the representation only
  int64_t sent_events = 0;
  WallTime starts_at;
  WallTime expires_at;

  // Whether it asked for this event of its device.
  bool Wants(const CloudEvent& event) const;
};

// The representation of the API.
nlohmann::json SubscriptionBody(const Subscription& subscription);

// As the store keeps it; reading gives nothing for a record that is none of ours.
std::string ToRecord(const Subscription& subscription);
std::optional<Subscription> FromRecord(const store::Record& stored);

}  // namespace byon::api
