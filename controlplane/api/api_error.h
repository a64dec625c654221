#pragma once

#include <string>
#include <variant>

#include "controlplane/api/http_application.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

// A CAMARA error: status and code are normative, the message is for people.
struct ApiError {
  int status = 500;
  std::string code = "INTERNAL";
  std::string message;
  int retry_after_s = 1;  // told with 429 and 503
};

// The errors by their CAMARA names, with the texts of the specifications.
ApiError InvalidArgument(std::string message = "");
ApiError OutOfRange(std::string message = "");
ApiError Unauthenticated();
ApiError PermissionDenied(std::string message = "");
ApiError NotFound(std::string message = "");
ApiError ErrorOf(const gateway::Error& error);

HttpResponse JsonResponse(int status, const std::string& body);
HttpResponse EmptyResponse(int status);
HttpResponse ErrorResponse(const ApiError& error);

}  // namespace byon::api
