#pragma once

#include <string>
#include <vector>

struct x509_st;

namespace byon::sip {

// The SIP domain identities of a certificate, in lower case: URIs sip:domain without a user part and DNS names of
// subjectAltName; the common name only where there is no subjectAltName (RFC 5922 section 7.1).
[[nodiscard]] std::vector<std::string> SipIdentities(const x509_st* certificate);

// Is the domain one of them? Whole names only, wildcards match nothing (RFC 5922 section 7.2).
[[nodiscard]] bool HasSipIdentity(const x509_st* certificate, const std::string& domain);

}  // namespace byon::sip
