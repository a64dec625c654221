#pragma once

#include <optional>
#include <string>

#include "controlplane/api/operations/push_api.h"
#include "controlplane/http_client/http_client.h"
#include "controlplane/push/waker.h"
#include "controlplane/runtime/config.h"

namespace byon {

// The push services that are set up, and what clients are told of them.
struct PushParts {
  push::Providers providers;
  api::PushApiConfig api;
};

// Makes the VAPID key's file when there is none yet (mode 0600). Throws std::runtime_error with one sentence when that
// cannot be done.
PushParts MakePush(const runtime::Config& config, http_client::HttpClient& http, push::Clock now);
// What is wrong with the files that the push settings name, in one sentence; nothing: all is well.
std::optional<std::string> PushMistake(const runtime::Config& config);
push::WakerConfig WakerSettings(const runtime::Config& config);

}  // namespace byon
