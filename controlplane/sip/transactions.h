#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/sip/message_view.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/sip/sip_counters.h"
#include "controlplane/sip/text/ip_address.h"

struct nta_agent_s;
struct nta_incoming_s;
struct nta_outgoing_s;
struct msg_s;
struct su_root_s;

namespace byon::sip {

// A request of ours. Headers are complete lines, each "Name: value\r\n", built by us; Via and
// Content-Length are added below.
struct RequestText {
  std::string method;
  std::string uri;
  std::string headers;
  std::string body;  // with content_type
  std::string content_type = "application/sdp";
  std::string route;  // where it is sent: sip URI with an IP address
};

// A client transaction. Destroying it ends our interest, not the transaction.
class ClientTransaction {
 public:
  // Responses of 101 and more; the view is empty when the stack made the response up (408, 503).
  // The handler may destroy the transaction. An empty one: the transaction is let go at once, nobody waits.
  using Handler = std::function<void(int status, const MessageView& response)>;

  ~ClientTransaction();
  ClientTransaction(const ClientTransaction&) = delete;
  ClientTransaction& operator=(const ClientTransaction&) = delete;

  // CANCEL with these extra header lines; sent once a provisional response is there (INVITE only).
  void Cancel(const std::string& headers);

 private:
  friend class TransactionLayer;
  ClientTransaction(Handler handler, std::shared_ptr<bool> is_open, SipTraffic& traffic, std::string_view method);
  void Count(int status, bool is_made_up);
  static int OnResponse(void* magic, nta_outgoing_s* outgoing, const sip_s* sip);

  Handler handler_;
  std::shared_ptr<bool> is_open_;  // false once the stack has freed all transactions
  SipTraffic& traffic_;
  const size_t method_;  // of SipTraffic
  const std::chrono::steady_clock::time_point sent_;
  bool is_heard_ = false;
  nta_outgoing_s* outgoing_ = nullptr;
  bool is_cancelled_ = false;
};

// A server transaction. Destroyed without a final response it answers 500, unless the stack is closed.
class ServerTransaction {
 public:
  ServerTransaction(nta_incoming_s* incoming, std::shared_ptr<bool> is_open, SipTraffic& traffic,
                    std::string_view method)
      : incoming_(incoming),
        is_open_(std::move(is_open)),
        traffic_(traffic),
        method_(SipTraffic::MethodIndex(method)) {}
  ~ServerTransaction();
  ServerTransaction(const ServerTransaction&) = delete;
  ServerTransaction& operator=(const ServerTransaction&) = delete;

  // To tag of all responses of 101 and more; before the first of them.
  void SetTag(const std::string& tag);
  // Session-ID of all further responses (RFC 7989); empty: none.
  void SetSessionId(std::string value) { session_id_ = std::move(value); }
  // P-Access-Network-Info of all further responses but 100 (TS 24.229 section 5.1.2A.2); empty: none.
  void SetAccessNetworkInfo(std::string value) { access_network_info_ = std::move(value); }
  // INVITE: `on_cancel` runs when the peer cancels; 200 to the CANCEL is sent by the stack, 487 to the
  // INVITE too unless the handler answers.
  void OnCancel(std::function<void(const MessageView& cancel)> on_cancel);
  // A 2xx to an INVITE may be sent repeatedly (the stack does not).
  void Respond(int status, std::string_view phrase = {}, const std::string& headers = {}, const std::string& body = {});

 private:
  static int OnAckOrCancel(void* magic, nta_incoming_s* incoming, const sip_s* sip);
  void Count(int status);

  nta_incoming_s* incoming_;
  std::shared_ptr<bool> is_open_;
  SipTraffic& traffic_;
  const size_t method_;  // of SipTraffic
  bool is_cancelled_ = false;
  bool is_answered_ = false;  // finally
  std::function<void(const MessageView&)> on_cancel_;
  std::string session_id_;
  std::string access_network_info_;
};

// Requests that belong to no transaction yet, and responses that belong to none any more.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  enum class Admission {
    kTake,  // it gets a server transaction
    kDrop,  // counted
    kBusy,  // 503 with Retry-After, and nothing is kept for it
  };
  virtual Admission Admit(const IpAddress& source, const MessageView& request, std::string_view branch) = 0;
  virtual void HandleRequest(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) = 0;
  virtual void HandleAck(const MessageView& ack) = 0;
  // 2xx to an INVITE whose transaction is over.
  virtual void HandleStrayAnswer(const MessageView& response) = 0;
};

// sofia-sip's transaction layer in its stateless mode: every new request comes to the sink first, so
// that nothing is kept for a message that we do not want. Lives on the SIP thread.
class TransactionLayer {
 public:
  TransactionLayer(const SipConfig& config, unsigned shard, SipCounters& counters, MessageSink& sink);
  ~TransactionLayer();

  // False when the address cannot be bound.
  [[nodiscard]] bool Open(su_root_s* root);
  // Frees all transactions without a word to the peers; their objects may live on, as husks.
  void Close();

  // Null when the stack refuses the message (counted).
  [[nodiscard]] std::unique_ptr<ClientTransaction> Send(const RequestText& request, ClientTransaction::Handler handler);
  // Without a transaction: an ACK.
  void SendAck(const RequestText& request);
  // "192.0.2.1:5060", for Contact and Via.
  const std::string& host_port() const { return host_port_; }

 private:
  static int OnMessage(void* magic, nta_agent_s* agent, msg_s* message, sip_s* sip);
  void HandleMessage(msg_s* message, sip_s* sip);
  msg_s* Build(const RequestText& request);

  const SipConfig& config_;
  SipCounters& counters_;
  MessageSink& sink_;
  std::string host_port_;
  std::shared_ptr<bool> is_open_;
  nta_agent_s* agent_ = nullptr;
};

}  // namespace byon::sip
