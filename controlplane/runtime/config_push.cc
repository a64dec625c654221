#include <filesystem>
#include <string>

#include "controlplane/auth/signing_key.h"
#include "controlplane/runtime/config_reader.h"

namespace byon::runtime {

void ConfigReader::ReadPush() {
  PushSettings& push = config_.push;
  Get("/push/keep_registration_s", push.keep_registration);
  Get("/push/ack_wait_ms", push.ack_wait);
  Get("/push/timeout_ms", push.timeout);
  GetFile("/push/ca_file", push.ca_file);

  PushSettings::WebPush& web = push.web_push;
  Get("/push/web_push/enabled", web.is_enabled);
  Get("/push/web_push/subject", web.subject);
  web.vapid_key_file = (directory_ / web.vapid_key_file).string();
  GetPath("/push/web_push/vapid_key_file", web.vapid_key_file);
  Get("/push/web_push/allowed_hosts", web.allowed_hosts);
  Get("/push/web_push/allow_private_networks", web.may_use_private_networks);
  if (web.is_enabled) {
    web.vapid_key_pem = ReadFile(web.vapid_key_file).value_or("");
    if (web.subject.empty()) {
      Mistake("/push/web_push",
              "push.web_push.enabled needs push.web_push.subject, a mailto: or https: URL of the operator.");
    }
    std::error_code error;
    const std::filesystem::path file(web.vapid_key_file);
    if (web.vapid_key_pem.empty() && std::filesystem::exists(file, error)) {
      Mistake("/push/web_push/vapid_key_file",
              "push.web_push.vapid_key_file is \"" + web.vapid_key_file + "\"; that file is empty or cannot be read.");
    } else if (web.vapid_key_pem.empty() && !std::filesystem::is_directory(file.parent_path(), error)) {
      Mistake("/push/web_push/vapid_key_file",
              "push.web_push.vapid_key_file is \"" + web.vapid_key_file + "\"; its folder does not exist.");
    } else if (!web.vapid_key_pem.empty() && !auth::SigningKey::FromPem(web.vapid_key_pem, auth::Algorithm::kEs256)) {
      Mistake("/push/web_push/vapid_key_file",
              "push.web_push.vapid_key_file must hold a P-256 private key in PEM without a passphrase.");
    }
  }

  std::string file;
  GetFile("/push/fcm/service_account_file", file);
  if (!file.empty()) push.fcm.service_account_json = ReadFile(file).value_or("");
  Get("/push/fcm/endpoint", push.fcm.endpoint);

  PushSettings::Apns& apns = push.apns;
  std::string key_file;
  GetFile("/push/apns/key_file", key_file);
  if (!key_file.empty()) apns.key_pem = ReadFile(key_file).value_or("");
  Get("/push/apns/key_id", apns.key_id);
  Get("/push/apns/team_id", apns.team_id);
  Get("/push/apns/bundle_id", apns.bundle_id);
  Get("/push/apns/endpoint", apns.endpoint);
  Get("/push/apns/sandbox_endpoint", apns.sandbox_endpoint);
  if (!apns.key_pem.empty() && (apns.key_id.empty() || apns.team_id.empty() || apns.bundle_id.empty())) {
    Mistake("/push/apns", "push.apns.key_file needs push.apns.key_id, team_id and bundle_id.");
  }
  if (!apns.key_pem.empty() && !auth::SigningKey::FromPem(apns.key_pem, auth::Algorithm::kEs256)) {
    Mistake("/push/apns/key_file", "push.apns.key_file must hold a P-256 private key in PEM (Apple's .p8 file).");
  }
}

}  // namespace byon::runtime
