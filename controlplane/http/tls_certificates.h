#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::http {

// A certificate with its chain, its own first, and its private key; PEM.
struct TlsFiles {
  std::string certificate_file;
  std::string private_key_file;
};

// What a certificate is good for, as seen from outside.
struct TlsCertificateFigures {
  std::string file;
  std::time_t not_after = 0;  // seconds since 1970
};

// The certificates of one port. Which of them a client gets decides the name that it asks for (SNI, RFC 6066 section 3)
// and the names in the certificates (RFC 9525 section 6.3): nothing has to be written down twice. Files are taken up
// when they have changed, so a renewed certificate needs no restart.
class TlsCertificates {
 public:
  // `is_fault`: somebody must act; the sentence names the file.
  using Report = std::function<void(bool is_fault, const std::string& sentence)>;

  // The first is shown to clients that ask for no name, or for one that is in none. Throws std::runtime_error with one
  // sentence when files cannot be read or do not fit each other, or when one beside the first names no host.
  TlsCertificates(std::vector<TlsFiles> files, Report report);
  ~TlsCertificates();
  TlsCertificates(const TlsCertificates&) = delete;
  TlsCertificates& operator=(const TlsCertificates&) = delete;

  // For all handshakes of `context` from now on; it must not outlive this. They and Refresh() belong to one thread.
  void ServeTo(SSL_CTX* context);
  // Reads the files; a faulty pair is reported once and the former stays. One that is faulty for a moment only, as
  // while somebody writes the one file after the other, is not spoken of.
  void Refresh();

  // Which certificate is for this name; the exact one before a wildcard, then the first in the list; 0 when none is.
  size_t Find(std::string_view host) const;
  // Whether a browser that asks for `host` would take the certificate that it gets.
  bool Names(std::string_view host) const;
  // Any thread.
  std::vector<TlsCertificateFigures> figures() const;

 private:
  // What the files hold; nothing of one that cannot be read.
  struct FilePair {
    std::optional<std::string> certificate;
    std::optional<std::string> key;
    bool operator==(const FilePair&) const = default;
  };
  struct Identity;
  struct Entry {
    TlsFiles files;
    std::shared_ptr<const Identity> identity;
    std::optional<FilePair> faulty;  // what was found last and is of no use
    bool is_fault_told = false;
    std::unique_ptr<std::atomic<std::time_t>> not_after;
  };
  static FilePair ReadBoth(const TlsFiles& files);
  static int OnHandshake(SSL* ssl, void* self);
  void Take(Entry& entry, std::shared_ptr<const Identity> identity);

  std::vector<Entry> entries_;
  const Report report_;
};

}  // namespace byon::http
