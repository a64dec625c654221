#include "controlplane/sip/sofia.h"
// The library's headers go first: they fix its context types.
#include "controlplane/sip/transactions.h"

#include <climits>
#include <cstring>
#include <optional>
#include <utility>

#include "controlplane/sip/tls/tls_files.h"

namespace byon::sip {
namespace {

constexpr unsigned kMaxMessageBytes = 65536;
constexpr size_t kRestBytes = 400;  // at most, of what the stack adds to a request: start line, Via, lengths
// The stack's own supervision of a proxy (timer C) must not end a call that rings long.
constexpr unsigned kTimerCMs = 3'600'000;

constexpr char kRetryAfterFloodS[] = "5";
constexpr unsigned kMaxChain = 5;  // certificates between the core's and the one that vouches for it

unsigned Ms(std::chrono::milliseconds value) { return static_cast<unsigned>(value.count()); }

IpAddress SourceOf(msg_t* message) {
  IpAddress address;
  const su_sockaddr_t* from = msg_addr(message);
  if (from->su_family == AF_INET6) {
    std::memcpy(address.bytes.data(), &from->su_sin6.sin6_addr, 16);
  } else if (from->su_family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &from->su_sin.sin_addr, 4);
  }
  return address;
}

// Whether a request went by TCP because of its size: the route leaves the choice to the stack.
bool WentByTcpForItsSize(const RequestText& request, nta_outgoing_t* outgoing) {
  if (request.route.find(";transport=") != request.route.npos || request.route.starts_with("sips:")) return false;
  msg_t* sent = nta_outgoing_getrequest(outgoing);
  if (sent == nullptr) return false;
  const sip_t* sip = sip_object(sent);
  const bool is_tcp = sip != nullptr && sip->sip_via != nullptr && sip->sip_via->v_protocol != nullptr &&
                      std::string_view(sip->sip_via->v_protocol).ends_with("/TCP");
  msg_destroy(sent);
  return is_tcp;
}

const url_string_t* AsUrl(const std::string& uri) { return reinterpret_cast<const url_string_t*>(uri.c_str()); }

}  // namespace

ClientTransaction::ClientTransaction(Handler handler, std::shared_ptr<bool> is_open, SipTraffic& traffic,
                                     std::string_view method)
    : handler_(std::move(handler)),
      is_open_(std::move(is_open)),
      traffic_(traffic),
      method_(SipTraffic::MethodIndex(method)),
      sent_(std::chrono::steady_clock::now()) {}

void ClientTransaction::Count(int status, bool is_made_up) {
  const bool is_first = !std::exchange(is_heard_, true);
  if (is_made_up) return traffic_.CountNoAnswer(method_, status == 408 ? NoAnswer::kTimeout : NoAnswer::kTransport);
  traffic_.CountResponse(TrafficDirection::kReceived, method_, status);
  if (!is_first) return;
  traffic_.CountRoundTrip(
      method_, std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - sent_));
}

ClientTransaction::~ClientTransaction() {
  if (outgoing_ == nullptr || !*is_open_) return;
  // Who waited has given up earlier than the stack would.
  if (!is_heard_ && handler_) traffic_.CountNoAnswer(method_, NoAnswer::kTimeout);
  nta_outgoing_destroy(outgoing_);
}

int ClientTransaction::OnResponse(void* magic, nta_outgoing_s* outgoing, const sip_s* sip) {
  auto* self = static_cast<ClientTransaction*>(magic);
  const int status = nta_outgoing_status(outgoing);
  if (status >= 100) self->Count(status, nta_sip_is_internal(sip));
  // A 100 says that somebody is there, which only who sent an INVITE waits to hear.
  if (status < 100 || (status == 100 && nta_outgoing_method(outgoing) != sip_method_invite)) return 0;
  // Handler and response survive the transaction: the handler may end it and read on.
  const Handler handler = self->handler_;
  msg_t* response = nta_outgoing_getresponse(outgoing);
  handler(status, MessageView(nta_sip_is_internal(sip) ? nullptr : sip));
  if (response != nullptr) msg_destroy(response);
  return 0;
}

void ClientTransaction::Cancel(const std::string& headers) {
  if (!std::exchange(is_cancelled_, true)) {
    traffic_.CountRequest(TrafficDirection::kSent, SipTraffic::MethodIndex("CANCEL"));
  }
  nta_outgoing_tcancel(outgoing_, nullptr, nullptr, TAG_IF(!headers.empty(), SIPTAG_HEADER_STR(headers.c_str())),
                       TAG_END());
}

ServerTransaction::~ServerTransaction() {
  if (!*is_open_) return;
  Count(is_cancelled_ ? 487 : 500);  // what the stack says then
  nta_incoming_bind(incoming_, nullptr, nullptr);
  nta_incoming_destroy(incoming_);
}

void ServerTransaction::SetTag(const std::string& tag) { nta_incoming_tag(incoming_, tag.c_str()); }

void ServerTransaction::OnCancel(std::function<void(const MessageView&)> on_cancel) {
  on_cancel_ = std::move(on_cancel);
  nta_incoming_bind(incoming_, OnAckOrCancel, this);
}

int ServerTransaction::OnAckOrCancel(void* magic, nta_incoming_s*, const sip_s* sip) {
  if (sip == nullptr || sip->sip_request == nullptr || sip->sip_request->rq_method != sip_method_cancel) {
    return 0;
  }
  auto* self = static_cast<ServerTransaction*>(magic);
  self->is_cancelled_ = true;
  const size_t cancel = SipTraffic::MethodIndex("CANCEL");
  self->traffic_.CountRequest(TrafficDirection::kReceived, cancel);
  self->traffic_.CountResponse(TrafficDirection::kSent, cancel, 200);
  const auto handler = self->on_cancel_;
  handler(MessageView(sip));
  return 0;
}

void ServerTransaction::Respond(int status, std::string_view phrase, const std::string& headers,
                                const std::string& body) {
  Count(status);
  std::string all = headers;
  if (!session_id_.empty()) all += "Session-ID: " + session_id_ + "\r\n";
  if (!access_network_info_.empty() && status > 100) all += "P-Access-Network-Info: " + access_network_info_ + "\r\n";
  const std::string text(phrase);
  const char* reason = text.empty() ? sip_status_phrase(status) : text.c_str();
  nta_incoming_treply(incoming_, status, reason, TAG_IF(!all.empty(), SIPTAG_HEADER_STR(all.c_str())),
                      TAG_IF(!body.empty(), SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                      TAG_IF(!body.empty(), SIPTAG_PAYLOAD_STR(body.c_str())), TAG_END());
}

void ServerTransaction::Count(int status) {
  if (is_answered_) return;
  is_answered_ = status >= 200;
  traffic_.CountResponse(TrafficDirection::kSent, method_, status);
}

TransactionLayer::TransactionLayer(const SipConfig& config, unsigned shard, SipCounters& counters, MessageSink& sink)
    : config_(config),
      counters_(counters),
      sink_(sink),
      host_port_(HostPort(config.local_address, config.local_port + shard)) {}

TransactionLayer::~TransactionLayer() { Close(); }

bool TransactionLayer::Open(su_root_s* root) {
  // sips: binds TLS and nothing else, sip: UDP and TCP.
  const std::string url = (config_.tls ? "sips:" : "sip:") + host_port_;
  const SipTimers& timers = config_.timers;
  std::optional<TlsFolder> folder;
  if (config_.tls) folder.emplace(*config_.tls);
  if (folder && !folder->is_complete()) return false;
  agent_ = nta_agent_create(
      root, AsUrl(url), OnMessage, this, NTATAG_UA(0), NTATAG_STATELESS(1), NTATAG_MAXSIZE(kMaxMessageBytes),
      NTATAG_UDP_MTU(config_.udp_mtu), NTATAG_MERGE_482(0), NTATAG_CANCEL_487(1), NTATAG_EXTRA_100(0),
      NTATAG_PASS_100(1), NTATAG_TIMER_C(kTimerCMs), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
      NTATAG_SIP_T1(Ms(timers.t1)), NTATAG_SIP_T2(Ms(timers.t2)), NTATAG_SIP_T4(Ms(timers.t4)),
      NTATAG_SIP_T1X64(64 * Ms(timers.t1)), NTATAG_TIMEOUT_408(1), TPTAG_UDP_RMEM(8 << 20),
      TAG_IF(folder, TPTAG_CERTIFICATE(folder ? folder->path().c_str() : nullptr)),
      // Names are compared by TlsSessions. A connection is the way to the numbers registered through it (RFC 5626):
      // it ends when an end wants it to, not when nobody talks.
      TAG_IF(folder, TPTAG_TLS_VERIFY_POLICY(TPTLS_VERIFY_ALL)), TAG_IF(folder, TPTAG_TLS_VERIFY_DEPTH(kMaxChain)),
      TAG_IF(folder, TPTAG_IDLE(UINT_MAX)), TAG_END());
  is_open_ = std::make_shared<bool>(agent_ != nullptr);
  return agent_ != nullptr;
}

void TransactionLayer::Close() {
  if (agent_ == nullptr) return;
  *is_open_ = false;
  nta_agent_destroy(agent_);
  agent_ = nullptr;
}

msg_s* TransactionLayer::Build(const RequestText& request) {
  msg_t* message = nta_msg_create(agent_, 0);
  if (message == nullptr) return nullptr;
  const std::string line = request.method + " " + request.uri + " SIP/2.0";
  const bool has_body = !request.body.empty();
  const int added = sip_add_tl(message, sip_object(message), SIPTAG_REQUEST_STR(line.c_str()),
                               SIPTAG_HEADER_STR(request.headers.c_str()),
                               TAG_IF(has_body, SIPTAG_CONTENT_TYPE_STR(request.content_type.c_str())),
                               TAG_IF(has_body, SIPTAG_PAYLOAD_STR(request.body.c_str())), TAG_END());
  const sip_t* sip = sip_object(message);
  if (added >= 0 && sip->sip_request != nullptr && sip->sip_cseq != nullptr && sip->sip_call_id != nullptr &&
      sip->sip_from != nullptr && sip->sip_to != nullptr) {
    return message;
  }
  msg_destroy(message);
  return nullptr;
}

std::unique_ptr<ClientTransaction> TransactionLayer::Send(const RequestText& request,
                                                          ClientTransaction::Handler handler) {
  // `mtu`: from which size on the request goes by TCP; 0: the configured one.
  const auto create = [this](const RequestText& text, ClientTransaction* transaction, unsigned mtu) -> nta_outgoing_t* {
    msg_t* message = Build(text);
    if (message == nullptr) return nullptr;
    nta_outgoing_t* outgoing =
        nta_outgoing_mcreate(agent_, ClientTransaction::OnResponse, transaction, AsUrl(text.route), message,
                             TAG_IF(mtu != 0, TPTAG_MTU(mtu)), TAG_END());
    if (outgoing == nullptr) msg_destroy(message);
    return outgoing;
  };
  std::unique_ptr<ClientTransaction> transaction(
      new ClientTransaction(std::move(handler), is_open_, counters_.traffic, request.method));
  transaction->outgoing_ = create(request, transaction.get(), 0);
  if (transaction->outgoing_ == nullptr) {
    counters_.Add(SipCounter::kSendFailed);
    return nullptr;
  }
  counters_.traffic.CountRequest(TrafficDirection::kSent, transaction->method_);
  const size_t bytes = request.uri.size() + request.headers.size() + request.body.size();
  if (config_.tls || bytes + kRestBytes <= config_.udp_mtu) return transaction;
  // Too long for UDP it goes by TCP; where that is reset it goes by UDP all the same (RFC 3261 section 18.1.1). The
  // stack does so only for requests that hear a connection being refused: to others that wait for the same one it says
  // 503.
  auto retry = [create, text = std::make_shared<const RequestText>(request), self = transaction.get(),
                told = std::move(transaction->handler_)](int status, const MessageView& response) {
    const ClientTransaction::Handler tell = told;  // survives what holds it
    // A request that nobody wants any more is not sent again: its CANCEL was for the first one.
    const bool is_lost =
        !self->is_cancelled_ && response.is_empty() && status == 503 && WentByTcpForItsSize(*text, self->outgoing_);
    nta_outgoing_t* again = is_lost ? create(*text, self, kMaxMessageBytes) : nullptr;
    self->handler_ = tell;
    if (again == nullptr) return tell(status, response);
    nta_outgoing_destroy(std::exchange(self->outgoing_, again));
  };
  transaction->handler_ = std::move(retry);
  return transaction;
}

void TransactionLayer::SendAck(const RequestText& request) {
  msg_t* message = Build(request);
  if (message == nullptr) {
    counters_.Add(SipCounter::kSendFailed);
    return;
  }
  nta_outgoing_t* ack =
      nta_outgoing_mcreate(agent_, nullptr, nullptr, AsUrl(request.route), message, NTATAG_STATELESS(1), TAG_END());
  if (ack == nullptr) {
    msg_destroy(message);
    counters_.Add(SipCounter::kSendFailed);
    return;
  }
  counters_.traffic.CountRequest(TrafficDirection::kSent, SipTraffic::MethodIndex("ACK"));
  nta_outgoing_destroy(ack);
}

int TransactionLayer::OnMessage(void* magic, nta_agent_s*, msg_s* message, sip_s* sip) {
  static_cast<TransactionLayer*>(magic)->HandleMessage(message, sip);
  return 0;
}

void TransactionLayer::HandleMessage(msg_s* message, sip_s* sip) {
  const MessageView view(sip);
  const IpAddress source = SourceOf(message);
  if (sip->sip_request == nullptr) {
    const bool is_answer = sip->sip_cseq != nullptr && sip->sip_cseq->cs_method == sip_method_invite &&
                           view.status() >= 200 && view.status() < 300;
    if (is_answer && sink_.Admit(source, view, {}) == MessageSink::Admission::kTake) {
      sink_.HandleStrayAnswer(view);
      msg_destroy(message);
      return;
    }
    counters_.Add(SipCounter::kDroppedUnmatchedResponse);
    msg_destroy(message);
    return;
  }
  // The stack compares branches behind their 7th character without a look at their length; requests
  // with a short one never become a transaction here.
  const char* branch = sip->sip_via != nullptr ? sip->sip_via->v_branch : nullptr;
  const auto admission = sink_.Admit(source, view, branch == nullptr ? std::string_view() : branch);
  if (admission == MessageSink::Admission::kBusy && sip->sip_request->rq_method != sip_method_ack) {
    nta_msg_treply(agent_, message, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR(kRetryAfterFloodS), TAG_END());
    return;
  }
  if (admission != MessageSink::Admission::kTake) {
    msg_destroy(message);
    return;
  }
  const std::string method = view.method();
  counters_.traffic.CountRequest(TrafficDirection::kReceived, SipTraffic::MethodIndex(method));
  if (sip->sip_request->rq_method == sip_method_ack) {
    sink_.HandleAck(view);
    msg_destroy(message);
    return;
  }
  // The request survives its transaction: over TCP an answered one is freed with its last handle.
  msg_t* keep = msg_ref(message);
  if (nta_incoming_t* incoming = nta_incoming_create(agent_, nullptr, message, sip, TAG_END())) {
    sink_.HandleRequest(std::make_unique<ServerTransaction>(incoming, is_open_, counters_.traffic, method), view);
  }
  msg_destroy(keep);
}

}  // namespace byon::sip
