#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/call/sip_signaling.h"

namespace byon::presence {

// The event packages that are watched and published.
enum class Package : uint8_t { kPresence, kDialog };  // RFC 3856, RFC 4235

// "presence" or "dialog", the token of the Event header.
std::string_view ToString(Package package);
// The media type of the package's documents: application/pidf+xml, application/dialog-info+xml.
std::string_view ContentTypeOf(Package package);

struct WatchRequest {
  std::string id;  // names what is told of it
  call::SipBinding binding;
  std::string resource_uri;  // whose state
  Package package = Package::kPresence;
};

struct Publication {
  std::string id;
  call::SipBinding binding;  // its IMPU is the published resource
  Package package = Package::kPresence;
  std::string document;
};

// SUBSCRIBE (RFC 6665) and PUBLISH (RFC 3903) as the presence logic sees them: refreshing, a new
// subscription after a passing failure, entity tags and 412 are the signalling's business. Called on
// the gateway's strand, never blocks.
class EventSignaling {
 public:
  virtual ~EventSignaling() = default;
  // A known id: its binding is renewed, its subscription goes on.
  virtual void Watch(WatchRequest request) = 0;
  virtual void Unwatch(const std::string& id) = 0;
  // A known id: the document takes the place of the one before.
  virtual void Publish(Publication publication) = 0;
  virtual void Unpublish(const std::string& id) = 0;
};

class EventObserver {
 public:
  virtual ~EventObserver() = default;
  // A document of the package's own type; nothing: the subscription is at an end for now, and what
  // was known is not known any more.
  virtual void OnDocument(const std::string& watch_id, std::string document) = 0;
  virtual void OnWatchInterrupted(const std::string& watch_id) = 0;
  // The network does not allow it (403, 404, 489 ...): no more attempts are made.
  virtual void OnWatchRefused(const std::string& watch_id, int status) = 0;
  virtual void OnPublicationRefused(const std::string& publication_id, int status) = 0;
};

}  // namespace byon::presence
