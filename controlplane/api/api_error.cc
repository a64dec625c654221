#include "controlplane/api/api_error.h"

#include <nlohmann/json.hpp>

namespace byon::api {
namespace {

constexpr size_t kMaxMessage = 512;

ApiError Make(int status, const char* code, std::string message, const char* otherwise) {
  return {status, code, message.empty() ? otherwise : std::move(message)};
}

}  // namespace

ApiError InvalidArgument(std::string message) {
  return Make(400, "INVALID_ARGUMENT", std::move(message),
              "Client specified an invalid argument, request body or query param.");
}
ApiError OutOfRange(std::string message) {
  return Make(400, "OUT_OF_RANGE", std::move(message), "Client specified an invalid range.");
}
ApiError Unauthenticated() {
  return {401, "UNAUTHENTICATED",
          "Request not authenticated due to missing, invalid, or expired credentials. A new authentication is "
          "required."};
}
ApiError PermissionDenied(std::string message) {
  return Make(403, "PERMISSION_DENIED", std::move(message),
              "Client does not have sufficient permissions to perform this action.");
}
ApiError NotFound(std::string message) {
  return Make(404, "NOT_FOUND", std::move(message), "The specified resource is not found.");
}

namespace {

ApiError WithoutRetry(const gateway::Error& error) {
  using gateway::ErrorCode;
  switch (error.code) {
    case ErrorCode::kInvalidArgument: return InvalidArgument(error.message);
    case ErrorCode::kOutOfRange: return OutOfRange(error.message);
    case ErrorCode::kPermissionDenied: return PermissionDenied(error.message);
    case ErrorCode::kInvalidTokenContext:
      return Make(403, "INVALID_TOKEN_CONTEXT", error.message, "device is not consistent with access token.");
    case ErrorCode::kMaxRegistrationsPerUser:
      return {403, "MAX_REGISTRATION_PER_USER",
              "The maximum number of service registrations per user has been reached"};
    case ErrorCode::kMaxRegistrationsPerMsisdn:
      return {403, "MAX_REGISTRATION_PER_MSISDN",
              "The maximum number of service registrations per MSISDN has been reached"};
    case ErrorCode::kMaxDevicesPerUser:
      return {403, "MAX_DEVICES_PER_USER", "The maximum number of device instances per user has been reached"};
    case ErrorCode::kNotFound: return NotFound(error.message);
    case ErrorCode::kAlreadyExists:
      return Make(409, "ALREADY_EXISTS", error.message,
                  "An active registration already exists for the supplied deviceId and the phoneNumber resolved "
                  "from the access token.");
    case ErrorCode::kIncompatibleState:
      return Make(409, "INCOMPATIBLE_STATE", error.message, "The session's state does not allow this.");
    case ErrorCode::kUnnecessaryIdentifier:
      return Make(422, "UNNECESSARY_IDENTIFIER", error.message,
                  "The phoneNumber must not be provided in the request body when using a three-legged access "
                  "token; it is resolved from the token.");
    case ErrorCode::kMissingIdentifier:
      return Make(422, "MISSING_IDENTIFIER", error.message,
                  "The phoneNumber must be provided in the request body when using a two-legged access token.");
    case ErrorCode::kServiceNotApplicable:
      return Make(422, "SERVICE_NOT_APPLICABLE", error.message,
                  "The service is not available for the provided identifier.");
    case ErrorCode::kQuotaExceeded: return Make(429, "QUOTA_EXCEEDED", error.message, "Out of resource quota.");
    case ErrorCode::kTooManyRequests: return Make(429, "TOO_MANY_REQUESTS", error.message, "Rate limit reached.");
    case ErrorCode::kInternal: return {500, "INTERNAL", "Unknown server error."};
    case ErrorCode::kEmergencyNotSupported:
      return Make(501, "CALLTYPE_EMERGENCY_NOT_SUPPORTED", error.message,
                  "Server does not support call type EMERGENCY.");
    case ErrorCode::kUnavailable: return Make(503, "UNAVAILABLE", error.message, "Service Unavailable.");
    case ErrorCode::kTimeout: return Make(504, "TIMEOUT", error.message, "Request timeout exceeded.");
  }
  return {500, "INTERNAL", "Unknown server error."};
}

}  // namespace

ApiError ErrorOf(const gateway::Error& error) {
  ApiError result = WithoutRetry(error);
  if (error.retry_after) result.retry_after_s = static_cast<int>(error.retry_after->count());
  return result;
}

HttpResponse JsonResponse(int status, const std::string& body) {
  return {status, {{"Content-Type", "application/json"}}, body};
}
HttpResponse EmptyResponse(int status) { return {status, {}, ""}; }

HttpResponse ErrorResponse(const ApiError& error) {
  const nlohmann::json body{
      {"status", error.status}, {"code", error.code}, {"message", error.message.substr(0, kMaxMessage)}};
  // A message may quote what the client sent; bad UTF-8 in it must not throw here.
  HttpResponse response =
      JsonResponse(error.status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.status == 429 || error.status == 503)
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  return response;
}

}  // namespace byon::api
