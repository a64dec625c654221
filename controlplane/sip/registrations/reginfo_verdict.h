#pragma once

#include <cstdint>
#include <string>

#include "controlplane/registration/sip_registrar.h"
#include "controlplane/sip/text/reginfo.h"

namespace byon::sip {

// Our contact, as the documents of its registrar may name it.
struct OwnContact {
  std::string token;        // user part of the URI; random, of this registration alone
  std::string instance_id;  // another registration of the same device has it too
  std::string aor;          // the identity that was registered
  std::string call_id;      // of the REGISTERs
  uint32_t cseq = 0;        // of the last one
};

// How the documents of one subscription have named our contact as registered. Where something in between rewrites
// contacts the instance id is all that tells it.
enum class Listing : uint8_t { kNever, kByUri, kByInstance };

// What a document says of our contact.
struct ReginfoVerdict {
  enum class Kind : uint8_t {
    kNothing,
    kListed,    // registered; `listing` says how it was told
    kDoubtful,  // not there, or gone in a document that may be older than our REGISTER: to be looked at if nothing
                // newer comes
    kRemoved,   // or shortened: `removed`
  };
  Kind kind = Kind::kNothing;
  Listing listing = Listing::kNever;
  registration::SipDeregistered removed{};
};

// Judges a document of a subscription whose earlier ones have named our contact so. A document of a notifier that lags
// behind its registrar (RFC 3680 sections 4.7.1 and 5.1) tells of what was before our REGISTER: what was never seen
// registered is not believed to be removed unless the document names this registration of ours, and TS 24.229
// section 5.1.1.7 is kept to else.
[[nodiscard]] ReginfoVerdict JudgeReginfo(const Reginfo& document, const OwnContact& own, Listing before);

}  // namespace byon::sip
