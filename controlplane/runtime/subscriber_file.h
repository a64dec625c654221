#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/auth/software_isim.h"
#include "controlplane/emergency/location.h"

namespace byon::runtime {

// A line that this gateway may register in the IMS.
struct SubscriberRecord {
  std::string impu;
  std::string impi;
  std::string password;
  emergency::Location location{};  // of a line that stays where it is; for emergency services
};

struct SubscriberTemplate {
  std::string home_domain;
  std::string impi = "{number}@{home_domain}";
  std::string impu = "sip:{number}@{home_domain}";
  std::string password;
};

// The numbers of the subscribers file, and any other number by the template. Immutable after loading, so
// any thread may ask.
class SubscriberFile {
 public:
  // Mistakes of the text, one sentence each; `directory` is where password files are looked for.
  struct Loaded;
  static Loaded Parse(const std::string& text, const std::string& name, const std::string& directory,
                      SubscriberTemplate rule);
  static Loaded Load(const std::string& path, SubscriberTemplate rule);

  explicit SubscriberFile(SubscriberTemplate rule = {}) : rule_(std::move(rule)) {}

  // Nothing for what is not +E.164.
  std::optional<SubscriberRecord> Find(const std::string& number) const;
  // Nothing when the IMPI has no password.
  std::optional<std::string> Password(const std::string& impi) const;
  // What a SIP client over WebSocket signs in with; nothing when the number has none.
  std::optional<std::string> WebPassword(const std::string& number) const;
  // By IMPI; those who authenticate with AKA.
  const std::map<std::string, auth::IsimKeys>& isims() const { return isim_by_impi_; }
  size_t size() const { return by_number_.size(); }

 private:
  SubscriberTemplate rule_;
  std::map<std::string, SubscriberRecord> by_number_;
  std::map<std::string, std::string> password_by_impi_;
  std::map<std::string, std::string> web_password_by_number_;
  std::map<std::string, auth::IsimKeys> isim_by_impi_;
};

struct SubscriberFile::Loaded {
  SubscriberFile subscribers;
  std::vector<std::string> mistakes;
};

}  // namespace byon::runtime
