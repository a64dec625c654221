#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/sip/sip_config.h"

namespace byon::sip {

// One sentence (key, file, what is wrong) when a file of `tls` is not what it must be.
[[nodiscard]] std::optional<std::string> CheckTlsFiles(const SipTls& tls);

// The files of `tls` under the names that sofia-sip looks for in one folder: agent.pem, our certificate and key, and
// cafile.pem, the certificates that vouch for the core and the rest of our chain. The key stays in memory: the folder
// has links only. Needed as long as the library reads, while its sockets are opened.
class TlsFolder {
 public:
  explicit TlsFolder(const SipTls& tls);
  ~TlsFolder();
  TlsFolder(const TlsFolder&) = delete;
  TlsFolder& operator=(const TlsFolder&) = delete;

  const std::string& path() const { return path_; }
  // False when the folder or the memory behind it could not be made.
  bool is_complete() const { return is_complete_; }

 private:
  bool Add(const std::string& name, const std::string& content);

  std::string path_;
  std::vector<int> memory_files_;
  std::vector<std::string> links_;
  bool is_complete_ = false;
};

}  // namespace byon::sip
