#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/auth/address_ranges.h"

namespace byon::http {

// What proxies say of the client in front of them, as it came; several lines of a header are joined by commas.
struct ForwardingHeaders {
  std::string_view forwarded;  // RFC 7239
  std::string_view x_forwarded_for;
  std::string_view x_forwarded_proto;
  std::string_view x_forwarded_host;
};

// The client of a request.
struct Client {
  std::string address;        // in the one spelling
  std::string scheme;         // "http", "https"; empty: nobody to be believed has said
  std::string host;           // that the client asked for; empty: Host says
  bool is_forwarded = false;  // the connection is a proxy's
};

// Which proxies are believed, and by which header they speak. There is one: a proxy that sets the one kind passes
// on what a client has written into the other.
struct ProxyTrust {
  auth::AddressRanges proxies;
  bool uses_forwarded = false;  // RFC 7239; else X-Forwarded-For, -Proto and -Host

  bool Trusts(std::string_view address) const;
};

// Who stands behind a connection from `peer` (an IP literal). Each proxy adds at the end whom it heard: the list is
// read from there, and the first address that is no trusted proxy's is the client's. Whatever stands before it was
// written by somebody whom nobody knows. At something that is no address (RFC 7239 section 6.2, "unknown" and
// "_hidden") it ends: the client is then the last proxy that is known. Never fails, whatever the headers hold.
[[nodiscard]] Client ClientOf(const ProxyTrust& trust, std::string_view peer, const ForwardingHeaders& headers);

// One element of a Forwarded header.
struct ForwardedElement {
  std::string node;  // "for", without quotes; may be empty
  std::string proto;
  std::string host;
};
// RFC 7239 section 4; stops at the first fault and says so by an element without a node at the place of the faulty one.
[[nodiscard]] std::vector<ForwardedElement> ParseForwarded(std::string_view text);

}  // namespace byon::http
