#pragma once

#include <cstdint>
#include <string>

#include "controlplane/call/sip_signaling.h"

namespace byon::messaging {

// One SIP MESSAGE of ours (RFC 3428).
struct OutgoingPage {
  // Names the outcome; also Call-ID and From tag, so that a repetition after a restart is known as
  // one by whoever receives it (RFC 3261 section 8.2.2.2).
  std::string id;
  call::SipBinding binding;
  std::string target_uri;  // tel:+34..., or sip: as the network wrote it
  std::string content_type;
  std::string body;
};

// One MESSAGE that came for a registration.
struct IncomingPage {
  std::string contact_token;  // which registration the network reached
  call::Party sender;
  // Call-ID, CSeq and From tag: the same for each device that the network forked it to, and for a
  // repetition after our restart.
  std::string transaction_key;
  std::string content_type;  // the whole value, with parameters
  std::string body;          // at most kMaxPageBytes
};

inline constexpr size_t kMaxPageBytes = 32 * 1024;

// Names the answer to an IncomingPage.
struct PageHandle {
  unsigned shard = 0;
  uint64_t key = 0;
};

// SIP MESSAGE as the messaging logic sees it. Called on the gateway's strand, never blocks; outcomes
// come through PagerObserver on the same strand.
class PagerSignaling {
 public:
  virtual ~PagerSignaling() = default;
  virtual void Send(OutgoingPage page) = 0;
  // The final response to an incoming MESSAGE; 415 gets its Accept, 503 its Retry-After.
  virtual void Answer(const PageHandle& handle, int status) = 0;
};

class PagerObserver {
 public:
  virtual ~PagerObserver() = default;
  // To be answered once it is safe in the store.
  virtual void OnPage(PageHandle handle, IncomingPage page) = 0;
  // The final response to Send; 408 when there was none.
  virtual void OnPageAnswered(const std::string& id, int status, std::string phrase) = 0;
};

}  // namespace byon::messaging
