#pragma once

#include <memory>
#include <span>
#include <string>

#include "dataplane/base/result.h"
#include "dataplane/dtls/dtls_certificate.h"
#include "dataplane/srtp/srtp_keying.h"

struct ssl_ctx_st;

namespace byon::dtls {

// What all DTLS transports of a process share: certificate, cipher suites, the order of SRTP
// profiles. Immutable after creation; transports may be made from it on any thread.
class DtlsContext {
 public:
  // `profiles` in order of preference, at least one. The error is a sentence.
  static base::Result<DtlsContext, std::string> Create(const DtlsCertificate& certificate,
                                                       std::span<const srtp::SrtpProfile> profiles);

  // RFC order of the house: GCM costs half of what AES-CM with SHA-1 costs.
  static std::span<const srtp::SrtpProfile> DefaultProfiles();

  const DtlsFingerprint& fingerprint() const { return fingerprint_; }
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
  };
  DtlsContext() = default;
  std::unique_ptr<ssl_ctx_st, Deleter> context_;
  DtlsFingerprint fingerprint_;
};

}  // namespace byon::dtls
