#include "controlplane/web_sip/web_sip.h"

#include "controlplane/web_sip/callee_leg.h"
#include "controlplane/web_sip/caller_leg.h"

namespace byon::web_sip {
namespace {

constexpr double kPasswordAttemptsPerSecond = 2;  // of one number from one address
constexpr double kCallsForHelpPerUser = 2;        // INVITEs a second for emergency services, past the rate of others
constexpr char kCallScope[] = "webrtc-call-handling:sessions:create";

// What the server owns of a connection.
class Handler final : public api::WebSocketHandler {
 public:
  explicit Handler(std::shared_ptr<Flow> flow) : flow_(std::move(flow)) {}
  void OnMessage(std::string text) override { flow_->HandleText(text); }
  void OnClosed() override { flow_->HandleClosed(); }

 private:
  const std::shared_ptr<Flow> flow_;
};

}  // namespace

WebSip::WebSip(WebSipConfig config, WebSipPorts ports)
    : config_(std::move(config)),
      ports_(std::move(ports)),
      password_attempts_(kPasswordAttemptsPerSecond),
      per_user_(config_.requests_per_second_per_user),
      help_per_user_(kCallsForHelpPerUser),
      environment_{config_,
                   ports_,
                   counters_,
                   lines_,
                   [this](Leg& leg) { legs_.Index(leg); },
                   [this](Leg& leg) { legs_.Erase(leg); }},
      registrar_(config_, ports_, counters_, lines_, {[this](const Line& line) {
                   const gateway::DeviceKey device = line.device;
                   for (const auto& leg : legs_.OfDevice(device)) leg->OnFlowBound();
                   messages_.OnBound(device);
                 }}),
      messages_(config_, ports_, counters_, lines_) {}

WebSip::~WebSip() = default;

std::unique_ptr<api::WebSocketHandler> WebSip::Open(const api::HttpRequest& request,
                                                    std::shared_ptr<api::WebSocketSession> session) {
  FlowObserver& observer = *this;
  auto flow = std::make_shared<Flow>(config_, ports_, counters_, password_attempts_, observer, std::move(session),
                                     request.remote_address);
  flow->Start();
  return std::make_unique<Handler>(std::move(flow));
}

// ---- from the gateway

void WebSip::OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) {
  if (const auto* invited = std::get_if<gateway::SessionInvitation>(&event)) {
    const Line* line = lines_.Find(device);
    if (line == nullptr || !invited->session.offer_sdp) return;
    const auto leg = std::make_shared<CalleeLeg>(environment_, *line, invited->session);
    legs_.Insert(leg);
    return leg->Start();
  }
  if (const auto* changed = std::get_if<gateway::SessionStatus>(&event)) {
    if (const auto leg = legs_.FindBySession(changed->session.media_session_id)) leg->OnSession(changed->session);
  } else if (const auto* digit = std::get_if<gateway::DtmfReceived>(&event)) {
    if (const auto leg = legs_.FindBySession(digit->media_session_id)) leg->SendDigit(digit->digit, digit->duration_ms);
  } else if (const auto* progress = std::get_if<gateway::TransferProgress>(&event)) {
    if (const auto leg = legs_.FindBySession(progress->media_session_id)) leg->OnTransfer(*progress);
  } else if (const auto* received = std::get_if<gateway::MessageReceived>(&event)) {
    messages_.OnReceived(device, received->message);
  } else if (const auto* status = std::get_if<gateway::MessageStatus>(&event)) {
    messages_.OnStatus(status->message);
  } else if (const auto* ended = std::get_if<gateway::RegistrationEnds>(&event)) {
    registrar_.OnRegistrationEnds(ended->registration_id, ended->description);
  }
}

// ---- from clients

void WebSip::OnRequest(Flow& flow, const ServerTransactionPointer& transaction) {
  const std::string& method = transaction->request.method();
  const bool is_in_dialog = !transaction->head.to_tag.empty();
  if (is_in_dialog && method != "REGISTER") {
    // Who registered here needs no new proof: a call must be ended with an old token too.
    if (flow.identity()) return OnRequestInDialog(transaction, flow.identity()->who);
    return Authenticate(flow, transaction, [this, transaction](const Identity& identity) {
      OnRequestInDialog(transaction, identity.who);
    });
  }
  const bool is_message = method == "MESSAGE" && ports_.messaging != nullptr;
  if (method == "REGISTER" || method == "INVITE" || is_message) {
    const auto begin = [this, transaction, is_message, is_invite = method == "INVITE",
                        weak = flow.weak_from_this()](const Identity& identity) {
      const auto open = weak.lock();
      if (!open) return;
      if (is_invite) return OnInitialInvite(*open, transaction, identity);
      if (is_message) return messages_.OnMessage(*open, transaction, identity);
      registrar_.OnRegister(*open, transaction, identity);
    };
    // A proof that is still good holds for its connection: SIP.js sends no token when it unregisters.
    const bool has_proof = transaction->request.Find("Authorization") != nullptr;
    const bool is_known = flow.identity() && ports_.now() < flow.identity()->who.token_expires_at;
    if (is_known && !has_proof) {
      if (TakeTurn(transaction, flow.identity()->who)) begin(*flow.identity());
      return;
    }
    return Authenticate(flow, transaction, begin);
  }
  if (method == "OPTIONS") {
    return transaction->Respond(transaction->Make(200)
                                    .Add("Allow", kAllow)
                                    .Add("Accept",
                                         "application/sdp, multipart/mixed, application/pidf+xml, "
                                         "application/dtmf-relay, application/dtmf, text/plain")
                                    .Add("Supported", "timer"));
  }
  const bool is_of_dialogs = method == "BYE" || method == "UPDATE" || method == "INFO" || method == "REFER";
  if (is_of_dialogs) return transaction->Reject({481, Counter::kNoDialog, {}});
  transaction->Reject({405, Counter::kMethodNotAllowed, {{"Allow", kAllow}}});
}

void WebSip::Authenticate(Flow& flow, const ServerTransactionPointer& transaction, std::function<void(Identity)> then) {
  flow.authenticator().Check(transaction->request, [this, transaction, then = std::move(then),
                                                    weak = flow.weak_from_this()](Authenticator::Verdict verdict) {
    const auto open = weak.lock();
    if (!open || !open->is_open()) return;
    if (const auto* rejection = std::get_if<Rejection>(&verdict)) return transaction->Reject(*rejection);
    Identity identity = std::get<Identity>(std::move(verdict));
    // One connection is one user's: a second one's token on it is stolen or a mistake.
    const auto& present = open->identity();
    const bool is_foreign =
        present && (present->who.client_id != identity.who.client_id || present->who.subject != identity.who.subject ||
                    present->who.phone_number != identity.who.phone_number);
    if (is_foreign) return transaction->Reject({403, Counter::kForbidden, {}});
    if (transaction->head.to_tag.empty() && !TakeTurn(transaction, identity.who)) return;
    then(std::move(identity));
  });
}

// REGISTER and INVITE cost the network something: so many a second of one user. False: refused.
bool WebSip::TakeTurn(const ServerTransactionPointer& transaction, const gateway::Principal& who) {
  const std::string user = who.client_id + '\n' + who.subject;
  if (per_user_.Take(user, ports_.now())) return true;
  const SipMessage& request = transaction->request;
  const bool is_for_help = request.method() == "INVITE" && ports_.service.IsEmergency(request.uri());
  if (is_for_help && help_per_user_.Take(user, ports_.now())) return true;
  transaction->Reject({503, Counter::kRateLimited, {{"Retry-After", "1"}}});
  return false;
}

void WebSip::OnInitialInvite(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity) {
  if (transaction->is_answered()) return;  // cancelled while the token was looked at
  const Line* line = lines_.FindByFlow(flow);
  const bool may_call = line != nullptr && identity.Has(kCallScope);
  // Whatever else is wrong with it: who needs help must learn at once that it is not here.
  const bool is_for_help = ports_.service.IsEmergency(transaction->request.uri());
  if (is_for_help && !(may_call && config_.routes_emergencies)) {
    counters_.Add(Counter::kHelpRefused);
    return TellToUsePhone(*transaction);
  }
  if (line == nullptr) return transaction->Reject({403, Counter::kNotRegistered, {}});
  if (!may_call) return transaction->Reject({403, Counter::kForbidden, {}});
  const auto leg = std::make_shared<CallerLeg>(environment_, *line, transaction);
  legs_.Insert(leg);
  if (!leg->Start()) environment_.forget(*leg);
}

void WebSip::OnRequestInDialog(const ServerTransactionPointer& transaction, const gateway::Principal& who) {
  const auto leg = FindLeg(transaction->head, who);
  if (!leg) return transaction->Reject({481, Counter::kNoDialog, {}});
  leg->OnRequest(transaction);
}

void WebSip::OnAck(Flow& flow, const RequestHead& head) {
  const auto leg = flow.identity() ? FindLeg(head, flow.identity()->who) : nullptr;
  if (!leg) return counters_.Add(Counter::kUnmatchedAck);
  leg->OnAck();
}

void WebSip::OnCancel(Flow& flow, const ServerTransactionPointer& invite) {
  for (const auto& leg : flow.device() ? legs_.OfDevice(*flow.device()) : LegTable::Legs()) {
    auto* caller = dynamic_cast<CallerLeg*>(leg.get());
    if (caller != nullptr && caller->Owns(invite)) return caller->OnCancel();
  }
  // No call yet: its token was still being looked at. Or a re-INVITE, which the call logic will answer.
  if (invite->head.to_tag.empty()) invite->Respond(487);
}

void WebSip::OnFlowClosed(Flow& flow) {
  const Line* line = lines_.FindByFlow(flow);
  if (line == nullptr) return;
  for (const auto& leg : legs_.OfDevice(line->device)) leg->OnFlowLost(flow);
}

// A dialog of somebody else does not exist.
std::shared_ptr<Leg> WebSip::FindLeg(const RequestHead& head, const gateway::Principal& who) const {
  const auto leg = legs_.FindByDialog(head.to_tag);
  if (!leg) return nullptr;
  const Dialog& dialog = leg->dialog();
  const bool is_theirs = dialog.call_id == head.call_id && dialog.remote_tag == head.from_tag &&
                         leg->device().client_id == who.client_id && leg->device().user == who.subject;
  return is_theirs ? leg : nullptr;
}

}  // namespace byon::web_sip
