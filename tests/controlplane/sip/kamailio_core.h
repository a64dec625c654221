#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace byon::sip::test {

// A real P-CSCF and S-CSCF (the laboratory's Kamailio configuration) on 127.0.N.10 and 127.0.N.20.
class KamailioCore {
 public:
  static bool IsInstalled();

  KamailioCore();
  ~KamailioCore();
  KamailioCore(const KamailioCore&) = delete;

  // Before Start: the P-CSCF takes TLS on port 5061 too, with BASE.pem and BASE.key, from those that `ca_file` vouches
  // for.
  void UseTls(const std::string& base, const std::string& ca_file);
  // Nobody answers until then. False when it does not come up.
  [[nodiscard]] bool Start();
  std::string Address(int host) const { return "127.0." + std::to_string(network_) + "." + std::to_string(host); }
  // Takes every contact of a number away, as an operator would.
  void RemoveRegistrations(const std::string& number);

 private:
  void WriteConfig(const std::string& role);
  pid_t Launch(const std::vector<std::string>& command, const std::string& log);

  std::filesystem::path folder_;
  int network_ = 0;
  bool uses_tls_ = false;
  int held_socket_ = -1;
  std::vector<pid_t> processes_;
};

}  // namespace byon::sip::test
