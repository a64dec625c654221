#include "controlplane/sip/tls/tls_identity.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

struct NamesDeleter {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

// Nothing for text with a zero in it, which would end elsewhere for other readers.
std::optional<std::string> TextOf(const ASN1_STRING* string) {
  const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                         static_cast<size_t>(ASN1_STRING_length(string)));
  if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
  return ToLower(text);
}

std::optional<std::string> IdentityOf(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) return TextOf(name.d.dNSName);
  if (name.type != GEN_URI) return std::nullopt;
  const auto text = TextOf(name.d.uniformResourceIdentifier);
  const auto uri = text ? ParseUri(*text) : std::nullopt;
  if (!uri || uri->scheme != "sip" || !uri->user.empty()) return std::nullopt;
  return uri->host;
}

std::optional<std::string> CommonNameOf(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  const X509_NAME_ENTRY* entry = index < 0 ? nullptr : X509_NAME_get_entry(subject, index);
  return entry == nullptr ? std::nullopt : TextOf(X509_NAME_ENTRY_get_data(entry));
}

}  // namespace

std::vector<std::string> SipIdentities(const X509* certificate) {
  std::vector<std::string> identities;
  int criticality = -1;
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &criticality, nullptr)));
  // -1: the extension is not there at all; one that cannot be read gives no identity.
  if (names == nullptr && criticality == -1) {
    if (auto name = CommonNameOf(certificate)) identities.push_back(std::move(*name));
    return identities;
  }
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (auto identity = IdentityOf(*sk_GENERAL_NAME_value(names.get(), i))) identities.push_back(std::move(*identity));
  }
  return identities;
}

bool HasSipIdentity(const X509* certificate, const std::string& domain) {
  const std::vector<std::string> identities = SipIdentities(certificate);
  return std::find(identities.begin(), identities.end(), ToLower(domain)) != identities.end();
}

}  // namespace byon::sip
