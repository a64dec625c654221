#include "controlplane/push_parts.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "controlplane/auth/base64url.h"
#include "controlplane/push/apns.h"
#include "controlplane/push/fcm.h"
#include "controlplane/push/web_push.h"

namespace byon {
namespace {

constexpr char kServiceAccountMistake[] =
    "push.fcm.service_account_file must be the JSON file of a Google service account with project_id, client_email, "
    "private_key and an https token_uri.";

// Whoever subscribes now is bound to this key for good, so it is on the disk before anybody is told of it.
std::string MakeVapidFile(const std::string& path) {
  const std::string pem = auth::SigningKey::NewP256Pem();
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) {  // made since by an operator that shares it
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  bool is_written =
      file >= 0 && write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()) && fsync(file) == 0;
  if (file >= 0) is_written = close(file) == 0 && is_written;
  if (!is_written) {
    if (file >= 0) unlink(path.c_str());
    throw std::runtime_error("The file " + path + " (push.web_push.vapid_key_file) cannot be written.");
  }
  return pem;
}

}  // namespace

PushParts MakePush(const runtime::Config& config, http_client::HttpClient& http, push::Clock now) {
  const runtime::PushSettings& settings = config.push;
  const push::ProviderLimits limits{settings.timeout, settings.ca_file};
  PushParts parts;
  if (settings.web_push.is_enabled) {
    const std::string pem = settings.web_push.vapid_key_pem.empty() ? MakeVapidFile(settings.web_push.vapid_key_file)
                                                                    : settings.web_push.vapid_key_pem;
    const auto key = auth::SigningKey::FromPem(pem, auth::Algorithm::kEs256);
    if (!key) throw std::runtime_error("push.web_push.vapid_key_file must hold a P-256 private key in PEM.");
    parts.api.types.push_back("web-push");
    parts.api.vapid_public_key = auth::EncodeBase64Url(key->PublicPoint());
    parts.api.web_push_hosts = settings.web_push.allowed_hosts;
    parts.providers.web_push = std::make_unique<push::WebPush>(
        push::WebPushConfig{limits, settings.web_push.subject, settings.web_push.allowed_hosts,
                            settings.web_push.may_use_private_networks},
        *key, http, now);
  }
  if (!settings.fcm.service_account_json.empty()) {
    auto account = push::ReadServiceAccount(settings.fcm.service_account_json);
    if (!account) throw std::runtime_error(kServiceAccountMistake);
    parts.api.types.push_back("fcm");
    parts.providers.fcm =
        std::make_unique<push::Fcm>(push::FcmConfig{limits, settings.fcm.endpoint}, std::move(*account), http, now);
  }
  if (!settings.apns.key_pem.empty()) {
    const runtime::PushSettings::Apns& apns = settings.apns;
    auto key = auth::SigningKey::FromPem(apns.key_pem, auth::Algorithm::kEs256);
    if (!key) throw std::runtime_error("push.apns.key_file must hold a P-256 private key in PEM.");
    parts.api.types.push_back("apns");
    parts.providers.apns = std::make_unique<push::Apns>(
        push::ApnsConfig{limits, apns.endpoint, apns.sandbox_endpoint, apns.key_id, apns.team_id, apns.bundle_id},
        std::move(*key), http, now);
  }
  return parts;
}

std::optional<std::string> PushMistake(const runtime::Config& config) {
  const std::string& text = config.push.fcm.service_account_json;
  if (text.empty() || push::ReadServiceAccount(text)) return std::nullopt;
  return kServiceAccountMistake;
}

push::WakerConfig WakerSettings(const runtime::Config& config) {
  return {config.calls.ring_timeout, config.push.ack_wait, config.http.public_url + config.http.api_root};
}

}  // namespace byon
