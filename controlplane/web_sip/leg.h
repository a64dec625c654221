#pragma once

#include <memory>
#include <optional>
#include <string>

#include "controlplane/sip/text/session_timer.h"
#include "controlplane/web_sip/flow.h"
#include "controlplane/web_sip/line_table.h"

namespace byon::web_sip {

class Leg;

// What the legs of all calls share.
struct LegEnvironment {
  const WebSipConfig& config;
  WebSipPorts& ports;
  Counters& counters;
  LineTable& lines;
  // A leg was given a session or a dialog, by which it is found from now on.
  std::function<void(Leg&)> named;
  // Forgets a leg that has ended.
  std::function<void(Leg&)> forget;
};

// Our half of a dialog with a client (RFC 3261 section 12).
struct Dialog {
  std::string call_id;
  std::string local;  // our From or To with its tag
  std::string remote;
  std::string local_tag;
  std::string remote_tag;
  std::string remote_target;  // URI of the client's Contact
  uint32_t local_cseq = 1;
  uint32_t remote_cseq = 0;
};

// One call between the gateway and a client: the dialog on this side, a CAMARA session of
// gateway::Service on the other. Media never passes here.
class Leg : public std::enable_shared_from_this<Leg> {
 public:
  virtual ~Leg() = default;
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;

  const std::string& media_session_id() const { return media_session_id_; }
  const Dialog& dialog() const { return dialog_; }
  const gateway::DeviceKey& device() const { return device_; }

  // The call's state changed, whoever changed it.
  void OnSession(const gateway::MediaSession& session);
  // A request within the dialog; the sender is the device's.
  void OnRequest(const ServerTransactionPointer& transaction);
  void OnAck();
  // A digit that the other side pressed.
  void SendDigit(const std::string& digit, int duration_ms);
  // The call is being moved to another phone, as the client asked by REFER or its page by the API.
  void OnTransfer(const gateway::TransferProgress& progress);
  // The client's connection is gone, or a new one has taken its place.
  virtual void OnFlowLost(const Flow& flow) = 0;
  virtual void OnFlowBound() = 0;

 protected:
  enum class State : uint8_t { kEarly, kAnswered, kConfirmed, kEnded };

  Leg(LegEnvironment& environment, gateway::DeviceKey device, gateway::Principal who)
      : environment_(environment), device_(std::move(device)), who_(std::move(who)) {}

  // Not answered yet.
  virtual void OnEarlySession(const gateway::MediaSession& session) = 0;
  // It ends before it was answered.
  virtual void OnEarlyEnd() = 0;

  std::shared_ptr<Flow> flow() const { return environment_.lines.FlowOf(device_); }
  SipMessage MakeRequest(const std::string& method);
  std::string Contact() const;
  // Headers of a 2xx to INVITE or UPDATE, with the session timer of the request.
  void AddSessionHeaders(SipMessage& response, const sip::SessionTimerAnswer& timer) const;
  // Nothing when the request asks for too short an interval: it has been refused then.
  std::optional<sip::SessionTimerAnswer> TakeSessionTimer(const ServerTransactionPointer& transaction);
  void ArmSessionTimer(const sip::SessionTimer& timer);
  void SendBye(const std::string& reason);
  // Ends the call in the gateway and forgets the leg.
  void EndCall();
  void Finish();
  template <typename Self>
  std::weak_ptr<Self> WeakSelf() {
    return std::static_pointer_cast<Self>(shared_from_this());
  }

  LegEnvironment& environment_;
  const gateway::DeviceKey device_;
  const gateway::Principal who_;
  Dialog dialog_;
  State state_ = State::kEarly;
  std::string media_session_id_;  // empty until the gateway has named it
  std::shared_ptr<void> timer_;   // for the ACK, or for the client's connection

 private:
  void OnReinvite(const ServerTransactionPointer& transaction);
  void OnUpdate(const ServerTransactionPointer& transaction);
  void OnRefer(const ServerTransactionPointer& transaction);
  void NotifyOfRefer(const std::string& status_line, bool is_last);
  void OnInfo(const ServerTransactionPointer& transaction);
  void ChangeMedia(const ServerTransactionPointer& transaction, const sip::SessionTimerAnswer& timer);
  void SendSessionRefresh();

  bool is_changing_ = false;
  bool client_holds_ = false;
  std::optional<uint32_t> refer_cseq_;  // of the REFER that is being carried out
  int last_sequence_ = -1;
  sip::SessionTimer session_timer_;
  std::shared_ptr<void> session_expiry_, session_refresh_;
};

// Response of the client's own call, from the state that the gateway gives it.
int StatusCodeOf(const gateway::MediaSession& session);
int StatusCodeOf(const gateway::Error& error);
// Why a call ended, as a Reason header (RFC 3326).
std::string ReasonOf(const gateway::MediaSession& session);

}  // namespace byon::web_sip
