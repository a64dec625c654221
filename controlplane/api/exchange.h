#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/api/api_error.h"
#include "controlplane/api/dialect.h"
#include "controlplane/api/http_application.h"
#include "controlplane/auth/verified_token.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

// One request on its way through the API: who asks, for what, and how to answer.
struct Exchange {
  HttpRequest request;
  std::vector<std::string> ids;  // the {…} parts of the path, not empty
  Dialect dialect;
  gateway::Principal who;
  std::shared_ptr<const auth::VerifiedToken> token;
  std::function<void(HttpResponse)> respond;

  void Send(HttpResponse response) const { respond(std::move(response)); }
  void SendJson(int status, const nlohmann::json& body) const;
  void Fail(const ApiError& error) const { respond(ErrorResponse(error)); }
  // Answers with the outcome's error, if it is one.
  template <typename T>
  const T* Unwrap(const gateway::Outcome<T>& outcome) const {
    if (const auto* error = std::get_if<gateway::Error>(&outcome)) {
      Fail(ErrorOf(*error));
      return nullptr;
    }
    return &std::get<T>(outcome);
  }
  bool has_body() const { return !request.body.empty(); }
  // The request's body as a JSON object, checked for its media type; nothing after the error was answered.
  std::optional<nlohmann::json> BodyObject() const;
  // The client asked for our own fields by "x-byon-extensions: channel".
  bool wants_channel() const;
};
using ExchangePointer = std::shared_ptr<Exchange>;

}  // namespace byon::api
