#include "controlplane/http/tls_certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace byon::http {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
struct ChainFreer {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using ChainPtr = std::unique_ptr<STACK_OF(X509), ChainFreer>;

constexpr std::streamsize kMaxFileBytes = 1 << 20;

// Nothing when the file cannot be read, or is too large to be what it should.
std::optional<std::string> ReadFile(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(static_cast<size_t>(kMaxFileBytes) + 1, '\0');
  file.read(text.data(), kMaxFileBytes + 1);
  if (file.bad() || file.gcount() > kMaxFileBytes) return std::nullopt;
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

BioPtr BioOf(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// The library would ask at the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

std::string LowerHost(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// The DNS names of a certificate (RFC 5280 section 4.2.1.6). The common name is none (RFC 9525 section 2).
std::vector<std::string> HostsOf(X509* certificate) {
  std::vector<std::string> hosts;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.dNSName;
    hosts.push_back(LowerHost(
        {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))}));
  }
  GENERAL_NAMES_free(names);
  return hosts;
}

std::time_t NotAfter(const X509* certificate) {
  std::tm broken_down{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) == 1 ? timegm(&broken_down) : 0;
}

}  // namespace

TlsCertificates::FilePair TlsCertificates::ReadBoth(const TlsFiles& files) {
  return {ReadFile(files.certificate_file), ReadFile(files.private_key_file)};
}

struct TlsCertificates::Identity {
  FilePair files;
  X509Ptr certificate;
  ChainPtr chain;
  KeyPtr key;
  std::vector<std::string> hosts;  // lower case, some with "*." in front
  std::time_t not_after = 0;

  // The identity, or what is wrong with it.
  static std::variant<std::shared_ptr<const Identity>, std::string> Read(FilePair files, bool may_be_nameless);
};

std::variant<std::shared_ptr<const TlsCertificates::Identity>, std::string> TlsCertificates::Identity::Read(
    FilePair files, bool may_be_nameless) {
  if (!files.certificate || !files.key) return "a file cannot be read";
  auto identity = std::make_shared<Identity>();
  const BioPtr certificates = BioOf(*files.certificate);
  identity->certificate.reset(PEM_read_bio_X509(certificates.get(), nullptr, NoPassword, nullptr));
  identity->chain.reset(sk_X509_new_null());
  while (X509* next =
             identity->certificate ? PEM_read_bio_X509(certificates.get(), nullptr, NoPassword, nullptr) : nullptr) {
    sk_X509_push(identity->chain.get(), next);
  }
  identity->key.reset(PEM_read_bio_PrivateKey(BioOf(*files.key).get(), nullptr, NoPassword, nullptr));
  const bool is_pair = identity->certificate && identity->key &&
                       X509_check_private_key(identity->certificate.get(), identity->key.get()) == 1;
  ERR_clear_error();
  if (!identity->certificate) return "the certificate file has no certificate in PEM";
  if (!identity->key) return "the key file has no private key in PEM without a passphrase";
  if (!is_pair) return "the private key is not that of the certificate";
  identity->hosts = HostsOf(identity->certificate.get());
  if (identity->hosts.empty() && !may_be_nameless)
    return "it names no host (subjectAltName), so nobody could ask for it";
  identity->not_after = NotAfter(identity->certificate.get());
  identity->files = std::move(files);
  return identity;
}

namespace {

std::string Sentence(const TlsFiles& files, const std::string& fault) {
  return "http.tls: " + files.certificate_file + " with " + files.private_key_file + " cannot be used: " + fault + ".";
}

// 2: by its own name, 1: by a wildcard, 0: not.
int Match(const std::vector<std::string>& names, const std::string& host) {
  int best = 0;
  const size_t dot = host.find('.');
  for (const std::string& name : names) {
    if (name == host) return 2;
    // One label, and the whole of it.
    if (name.starts_with("*.") && dot != 0 && dot != host.npos &&
        std::string_view(name).substr(1) == std::string_view(host).substr(dot))
      best = 1;
  }
  return best;
}

}  // namespace

TlsCertificates::TlsCertificates(std::vector<TlsFiles> files, Report report) : report_(std::move(report)) {
  for (TlsFiles& one : files) {
    const bool is_first = entries_.empty();
    entries_.push_back({std::move(one), nullptr, {}, false, std::make_unique<std::atomic<std::time_t>>(0)});
    Entry& entry = entries_.back();
    auto identity = Identity::Read(ReadBoth(entry.files), is_first);
    if (const auto* fault = std::get_if<std::string>(&identity))
      throw std::runtime_error(Sentence(entry.files, *fault));
    Take(entry, std::move(std::get<0>(identity)));
  }
}

TlsCertificates::~TlsCertificates() = default;

void TlsCertificates::Take(Entry& entry, std::shared_ptr<const Identity> identity) {
  entry.identity = std::move(identity);
  *entry.not_after = entry.identity->not_after;
  entry.faulty.reset();
  entry.is_fault_told = false;
  const X509* certificate = entry.identity->certificate.get();
  const bool is_current = X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
                          X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
  if (!is_current)
    report_(true, "http.tls: " + entry.files.certificate_file + " is not valid today: browsers will refuse it.");
}

void TlsCertificates::ServeTo(SSL_CTX* context) { SSL_CTX_set_cert_cb(context, &OnHandshake, this); }

int TlsCertificates::OnHandshake(SSL* ssl, void* self_pointer) {
  const auto* self = static_cast<const TlsCertificates*>(self_pointer);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const Identity& identity = *self->entries_[name == nullptr ? 0 : self->Find(name)].identity;
  // A key of another kind would stand beside the one of the context, and that might be taken.
  SSL_certs_clear(ssl);
  return SSL_use_cert_and_key(ssl, identity.certificate.get(), identity.key.get(), identity.chain.get(), 1);
}

void TlsCertificates::Refresh() {
  for (Entry& entry : entries_) {
    const FilePair found = ReadBoth(entry.files);
    if (found == entry.identity->files) {
      entry.faulty.reset();
      continue;
    }
    auto identity = Identity::Read(found, &entry == &entries_.front());
    if (auto* good = std::get_if<0>(&identity)) {
      Take(entry, std::move(*good));
      report_(false, "http.tls: " + entry.files.certificate_file + " was renewed.");
      continue;
    }
    // Found so twice: nobody is writing it just now.
    const bool is_lasting = entry.faulty == found;
    if (is_lasting && !entry.is_fault_told) {
      report_(true, Sentence(entry.files, std::get<1>(identity)) + " The former certificate stays in use.");
    }
    entry.is_fault_told = is_lasting;
    entry.faulty = found;
  }
}

size_t TlsCertificates::Find(std::string_view host) const {
  const std::string lower = LowerHost(host);
  size_t found = 0;
  int best = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const int match = Match(entries_[i].identity->hosts, lower);
    if (match > best) {
      best = match;
      found = i;
    }
  }
  return found;
}

bool TlsCertificates::Names(std::string_view host) const {
  return Match(entries_[Find(host)].identity->hosts, LowerHost(host)) > 0;
}

std::vector<TlsCertificateFigures> TlsCertificates::figures() const {
  std::vector<TlsCertificateFigures> figures;
  for (const Entry& entry : entries_) figures.push_back({entry.files.certificate_file, *entry.not_after});
  return figures;
}

}  // namespace byon::http
