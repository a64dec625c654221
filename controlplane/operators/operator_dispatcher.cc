#include "controlplane/operators/operator_dispatcher.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/api_error.h"
#include "controlplane/api/bearer.h"
#include "controlplane/api/channel/channel_connection.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/operators/undecided_socket.h"

namespace byon::operators {
namespace {

constexpr uint16_t kPolicyViolation = 1008;
constexpr const char* kTellNothing = "The access token does not tell which operator is meant; use the operator's host.";

std::string HostOf(const api::HttpRequest& request) {
  const std::string* host = request.Header("host");
  return host == nullptr ? "" : *host;
}

}  // namespace

OperatorDispatcher::OperatorDispatcher(OperatorDirectory directory, std::vector<OperatorDoor> doors,
                                       std::string api_root, Ports ports)
    : directory_(std::move(directory)),
      doors_(std::move(doors)),
      api_root_(std::move(api_root)),
      ports_(std::move(ports)) {}

void OperatorDispatcher::HandleRequest(api::HttpRequest request, api::Respond respond) {
  const std::string host = HostOf(request);
  if (const auto owner = directory_.OfHost(host)) {
    return doors_[*owner].application.HandleRequest(std::move(request), std::move(respond));
  }
  if (request.path == api_root_ + "/readyz" && request.method == "GET") return AnswerReadiness(request, respond);
  if (const auto token = api::BearerOf(request)) {
    const auto chosen = directory_.OfToken(host, *token);
    if (!chosen) return Refuse(request, respond, 403, "INVALID_TOKEN_CONTEXT", kTellNothing);
    return doors_[*chosen].application.HandleRequest(std::move(request), std::move(respond));
  }
  const auto chosen = directory_.OfStranger(host);
  // Only this of what anybody may read differs from operator to operator.
  if (!chosen && request.path == api_root_ + "/byon/v1/config") {
    return Refuse(request, respond, 404, "NOT_FOUND", "No operator is served under this host.");
  }
  doors_[chosen.value_or(0)].application.HandleRequest(std::move(request), std::move(respond));
}

// The entry point is ready when one operator is: those that can be served must not wait for the others.
void OperatorDispatcher::AnswerReadiness(const api::HttpRequest& request, const api::Respond& respond) const {
  nlohmann::json operators = nlohmann::json::object();
  std::string missing;
  bool is_ready = false;
  for (size_t i = 0; i < doors_.size(); ++i) {
    const std::string lacks = doors_[i].unreadiness();
    operators[directory_[i].id] = lacks.empty() ? "ready" : lacks;
    if (lacks.empty()) is_ready = true;
    if (!lacks.empty()) missing += (missing.empty() ? "" : ", ") + directory_[i].id + ": " + lacks;
  }
  api::HttpResponse response = api::JsonResponse(
      is_ready ? 200 : 503,
      nlohmann::json{{"status", is_ready ? "ready" : "not ready"}, {"missing", missing}, {"operators", operators}}
          .dump());
  const std::string* sent = request.Header("x-correlator");
  response.headers.emplace_back("x-correlator", sent != nullptr && api::IsCorrelator(*sent) ? *sent : ports_.new_id());
  respond(std::move(response));
}

void OperatorDispatcher::Refuse(const api::HttpRequest& request, const api::Respond& respond, int status,
                                const char* code, const char* message) const {
  api::HttpResponse response = api::ErrorResponse({status, code, message});
  const std::string* sent = request.Header("x-correlator");
  response.headers.emplace_back("x-correlator", sent != nullptr && api::IsCorrelator(*sent) ? *sent : ports_.new_id());
  respond(std::move(response));
}

std::unique_ptr<api::WebSocketHandler> OperatorDispatcher::OpenWebSocket(
    const api::HttpRequest& request, std::shared_ptr<api::WebSocketSession> session) {
  const std::string host = HostOf(request);
  if (const auto owner = directory_.OfHost(host))
    return doors_[*owner].application.OpenWebSocket(request, std::move(session));
  auto token = api::BearerOf(request);
  if (!token) token = api::SubprotocolToken(request);
  if (token) return OpenByToken(request, *token, std::move(session));
  if (request.subprotocol != "sip") return std::make_unique<UndecidedSocket>(*this, request, std::move(session));
  // A SIP client tells who it is only after it was asked in an operator's name.
  const auto chosen = directory_.OfStranger(host);
  if (chosen) return doors_[*chosen].application.OpenWebSocket(request, std::move(session));
  session->Close(kPolicyViolation, "no operator is served under this host");
  return nullptr;
}

std::unique_ptr<api::WebSocketHandler> OperatorDispatcher::OpenByToken(api::HttpRequest request,
                                                                       const std::string& token,
                                                                       std::shared_ptr<api::WebSocketSession> session) {
  const auto chosen = directory_.OfToken(HostOf(request), token);
  if (chosen) return doors_[*chosen].application.OpenWebSocket(request, std::move(session));
  session->Close(api::kCloseForbidden, "the token does not tell which operator is meant");
  return nullptr;
}

}  // namespace byon::operators
