#include "controlplane/api/operations/call_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/operations/call_reader.h"
#include "controlplane/api/operations/resources.h"
#include "controlplane/call/status.h"

namespace byon::api {

using gateway::ErrorCode;
using nlohmann::json;

namespace {

bool IsHeaderId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxCallText &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The flow documents send the header registrationId with every request; what it names must be the session's. False when
// an error was answered.
bool FitsRegistration(const Exchange& exchange, gateway::Service& service, CallDrafts& drafts) {
  const std::string* wanted = exchange.request.Header("registrationid");
  if (wanted == nullptr) return true;
  const CallDraft* draft = drafts.Find(Owner::Of(exchange.who), exchange.ids[0]);
  std::string registration_id = draft == nullptr ? "" : draft->request.registration_id;
  if (draft == nullptr) {
    const auto outcome = service.GetCall(exchange.who, exchange.ids[0]);
    const auto* session = exchange.Unwrap(outcome);
    if (session == nullptr) return false;
    registration_id = session->registration_id;
  }
  if (registration_id == *wanted) return true;
  exchange.Fail(ErrorOf({ErrorCode::kInvalidTokenContext, "registrationId is not consistent with access token."}));
  return false;
}

}  // namespace

json CallApi::Body(const Exchange& exchange, const gateway::MediaSession& session) const {
  return exchange.dialect.is_r2_2() ? MediaSessionBodyOfR2_2(session, home_domain_) : MediaSessionBody(session);
}

json CallApi::DraftBody(const Exchange& exchange, const CallDraft& draft) const {
  gateway::MediaSession session;
  session.media_session_id = draft.request.media_session_id;
  session.originator_address = draft.request.originator_address;
  session.originator_name = draft.request.originator_name;
  session.receiver_address = draft.request.receiver_address;
  session.receiver_name = draft.request.receiver_name;
  session.client_correlator = draft.request.client_correlator;
  return Body(exchange, session);
}

// Click to call: the token stands for registration, caller and called number.
void CallApi::CreateForVisitor(const ExchangePointer& exchange) {
  if (visitors_ == nullptr) return exchange->Fail(PermissionDenied());
  const std::string* key = exchange->request.Header("idempotency-key");
  if (key != nullptr && !IsHeaderId(*key)) {
    return exchange->Fail(InvalidArgument("The header Idempotency-Key is malformed."));
  }
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes;
  gateway::VisitorCallRequest request = ReadVisitorCallRequest(*body, exchange->dialect, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  const std::string* origin = exchange->request.Header("origin");
  request.place = {origin == nullptr ? "" : *origin, exchange->request.remote_address};
  if (key != nullptr) request.client_correlator = *key;
  visitors_->CreateVisitorCall(exchange->who, std::move(request),
                               [this, exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                                 if (const auto* session = exchange->Unwrap(outcome)) {
                                   exchange->SendJson(201, Body(*exchange, *session));
                                 }
                               });
}

void CallApi::Create(const ExchangePointer& exchange) {
  if (exchange->who.is_visitor()) return CreateForVisitor(exchange);
  const std::string* registration_id = exchange->request.Header("registrationid");
  if (registration_id == nullptr || !IsHeaderId(*registration_id)) {
    return exchange->Fail(InvalidArgument("The header registrationId is missing or malformed."));
  }
  const std::string* key = exchange->request.Header("idempotency-key");
  if (key != nullptr && !IsHeaderId(*key)) {
    return exchange->Fail(InvalidArgument("The header Idempotency-Key is malformed."));
  }
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  const auto is_emergency = [this](const std::string& address) { return service_.IsEmergency(address); };
  gateway::CallRequest request = ReadCallRequest(*body, exchange->dialect, is_emergency, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  request.registration_id = *registration_id;
  if (request.client_correlator.empty() && key != nullptr) request.client_correlator = *key;
  if (exchange->dialect.is_r2_2()) return CreateAsR2_2(exchange, std::move(request));
  Start(exchange, 201, std::move(request));
}

void CallApi::Start(const ExchangePointer& exchange, int status, gateway::CallRequest request) {
  service_.CreateCall(exchange->who, std::move(request),
                      [this, exchange, status](const gateway::Outcome<gateway::MediaSession>& outcome) {
                        if (const auto* session = exchange->Unwrap(outcome)) {
                          exchange->SendJson(status, Body(*exchange, *session));
                        }
                      });
}

void CallApi::CreateAsR2_2(const ExchangePointer& exchange, gateway::CallRequest request) {
  const bool is_draft = request.offer_sdp.empty();
  if (request.originator_address.empty() || is_draft) {
    const auto found = service_.GetRegistration(exchange->who, request.registration_id);
    const auto* registration = std::get_if<gateway::Registration>(&found);
    // Who needs help must learn at once where it is, whatever is wrong with the rest.
    const bool is_for_help = request.is_emergency || service_.IsEmergency(request.receiver_address);
    if (registration == nullptr && is_for_help) return Start(exchange, 201, std::move(request));
    const auto* error = std::get_if<gateway::Error>(&found);
    if (error != nullptr && error->code == ErrorCode::kUnavailable) return exchange->Fail(ErrorOf(*error));
    if (registration == nullptr) {
      return exchange->Fail(
          ErrorOf({ErrorCode::kInvalidTokenContext, "registrationId is not consistent with access token."}));
    }
    if (request.originator_address.empty()) request.originator_address = "tel:" + registration->phone_number;
  }
  if (!is_draft) return Start(exchange, 201, std::move(request));
  const CallDraft* draft = drafts_.Add(Owner::Of(exchange->who), std::move(request));
  if (draft == nullptr) {
    return exchange->Fail(ErrorOf({ErrorCode::kQuotaExceeded, "Too many sessions wait for their offer."}));
  }
  exchange->SendJson(201, DraftBody(*exchange, *draft));
}

void CallApi::Get(const ExchangePointer& exchange) {
  if (!FitsRegistration(*exchange, service_, drafts_)) return;
  if (const CallDraft* draft = drafts_.Find(Owner::Of(exchange->who), exchange->ids[0])) {
    return exchange->SendJson(200, DraftBody(*exchange, *draft));
  }
  const auto outcome = service_.GetCall(exchange->who, exchange->ids[0]);
  if (const auto* session = exchange->Unwrap(outcome)) exchange->SendJson(200, Body(*exchange, *session));
}

bool CallApi::RepeatsSession(const Exchange& exchange, const json& body, call::Status& status, Mistakes& mistakes) {
  const auto outcome = service_.GetCall(exchange.who, exchange.ids[0]);
  const auto* session = exchange.Unwrap(outcome);
  if (session == nullptr) return false;
  status = session->status;
  const json known = Body(exchange, *session);
  for (const char* name : kRepeatedMembers) {
    if (body.contains(name) && known.contains(name) && body[name] != known[name]) {
      mistakes.Add(std::string(name) + " differs from the session's.");
    }
  }
  return true;
}

void CallApi::ChangeDraft(const ExchangePointer& exchange, const json& body) {
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  StatusRequest wanted = ReadStatusRequest(body, exchange->dialect, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  const Owner owner = Owner::Of(exchange->who);
  if (!wanted.change.offer_sdp) {
    if (!wanted.status || *wanted.status == call::Status::kInitial) return Get(exchange);
    return exchange->Fail(ErrorOf({ErrorCode::kIncompatibleState, "The session waits for its offer."}));
  }
  std::optional<CallDraft> draft = drafts_.Take(owner, exchange->ids[0]);
  gateway::CallRequest request = draft->request;
  request.offer_sdp = *wanted.change.offer_sdp;
  service_.CreateCall(
      exchange->who, std::move(request),
      [this, exchange, draft = std::move(*draft)](const gateway::Outcome<gateway::MediaSession>& outcome) {
        if (const auto* session = std::get_if<gateway::MediaSession>(&outcome)) {
          return exchange->SendJson(200, Body(*exchange, *session));
        }
        drafts_.PutBack(draft);
        exchange->Unwrap(outcome);
      });
}

void CallApi::ChangeStatus(const ExchangePointer& exchange) {
  const Dialect& dialect = exchange->dialect;
  if (dialect.is_compat() && !exchange->has_body()) return Get(exchange);
  const auto body = exchange->BodyObject();
  if (!body || !FitsRegistration(*exchange, service_, drafts_)) return;
  if (drafts_.Find(Owner::Of(exchange->who), exchange->ids[0]) != nullptr) return ChangeDraft(exchange, *body);
  Mistakes mistakes{dialect.ignores_unknown_members()};
  StatusRequest wanted = ReadStatusRequest(*body, dialect, mistakes);
  call::Status present = call::Status::kInitial;
  if ((dialect.is_compat() || dialect.is_r2_2()) && !RepeatsSession(*exchange, *body, present, mistakes)) return;
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  wanted.change.status = wanted.status.value_or(present);
  service_.ChangeStatus(exchange->who, exchange->ids[0], std::move(wanted.change),
                        [this, exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                          if (const auto* session = exchange->Unwrap(outcome)) {
                            exchange->SendJson(200, Body(*exchange, *session));
                          }
                        });
}

void CallApi::Delete(const ExchangePointer& exchange) {
  if (!FitsRegistration(*exchange, service_, drafts_)) return;
  if (drafts_.Take(Owner::Of(exchange->who), exchange->ids[0])) return exchange->Send(EmptyResponse(204));
  service_.DeleteCall(exchange->who, exchange->ids[0], [exchange](const gateway::Outcome<gateway::Done>& outcome) {
    if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
  });
}

}  // namespace byon::api
