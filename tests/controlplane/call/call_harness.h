#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/call/call_registry.h"
#include "tests/controlplane/sdp/browser_offers.h"

namespace byon::call {

inline std::string Replace(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

inline std::string PhoneSdp(const std::string& direction = "sendrecv", const std::string& more = "",
                            const std::string& ip = "10.46.0.3", int version = 1) {
  return "v=0\r\no=- 7 " + std::to_string(version) + " IN IP4 " + ip + "\r\ns=-\r\nc=IN IP4 " + ip +
         "\r\nt=0 0\r\nm=audio 31022 RTP/AVP 107 101\r\na=rtpmap:107 AMR-WB/16000/1\r\n"
         "a=rtpmap:101 telephone-event/16000\r\n" +
         more + "a=" + direction + "\r\n";
}

inline std::string BrowserAnswer() { return Replace(sdp::kChromiumOffer, "a=setup:actpass", "a=setup:active"); }

inline MediaLocals Locals(const std::string& ufrag = "gwuf") {
  MediaLocals locals;
  locals.access.ice_ufrag = ufrag;
  locals.access.ice_pwd = "gateway-password-is-22";
  locals.access.candidates = {{"203.0.113.5", 40000, 1, "1"}};
  locals.access.fingerprint = {"sha-256", "AA"};
  locals.access.ssrc = 1;
  locals.access.cname = "c";
  locals.ims.rtp = {"198.51.100.7", 20000};
  locals.ims.rtcp = {"198.51.100.7", 20001};
  return locals;
}

// A registry with a clock that a test moves; every action is kept until it was asked for.
class CallHarness {
 public:
  explicit CallHarness(CallConfig config = {}) : registry(std::move(config)) {}

  Now now{std::chrono::steady_clock::time_point(std::chrono::hours(1)),
          std::chrono::system_clock::time_point(std::chrono::hours(500000))};
  CallRegistry registry;
  std::vector<Action> actions;
  std::vector<CallId> action_calls;   // whose each is
  CallId last_call;                   // of the action that was taken last
  bool supports_precondition = true;  // of incoming calls

  void Drain() {
    while (auto action = registry.PollAction()) {
      actions.push_back(std::move(action->action));
      action_calls.push_back(action->call_id);
    }
  }
  // The next action of this kind; earlier ones of other kinds stay.
  template <typename T>
  std::optional<T> Take() {
    Drain();
    for (auto it = actions.begin(); it != actions.end(); ++it) {
      if (auto* found = std::get_if<T>(&*it)) {
        T result = std::move(*found);
        const auto call = action_calls.begin() + (it - actions.begin());
        last_call = *call;
        action_calls.erase(call);
        actions.erase(it);
        return result;
      }
    }
    return std::nullopt;
  }
  template <typename T>
  bool Has() {
    Drain();
    for (const Action& action : actions) {
      if (std::holds_alternative<T>(action)) return true;
    }
    return false;
  }
  // All events since the last call, as "Status: reason".
  std::vector<std::string> Events() {
    std::vector<std::string> result;
    while (auto event = Take<NotifyDevice>()) {
      last_event = event->view;
      result.push_back((event->is_invitation ? "invitation " : "") + std::string(ToString(event->view.status)) + ": " +
                       event->view.reason);
    }
    return result;
  }
  // "ok <status>" or the message of the refusal.
  std::string Outcome() {
    auto done = Take<CompleteRequest>();
    if (!done) return "pending";
    if (auto* view = std::get_if<CallView>(&done->outcome)) return "ok " + std::string(ToString(view->status));
    last_refusal = std::get<Refusal>(done->outcome);
    return last_refusal->message;
  }
  void Clear() {
    Drain();
    actions.clear();
    action_calls.clear();
  }
  void Advance(std::chrono::milliseconds time) {
    now.steady += time;
    now.wall += time;
    registry.HandleTimeout(now);
  }
  void Apply(const std::function<void(Call&)>& input) { registry.Apply("c1", input); }
  const Call* call() const { return registry.Find("c1"); }
  Status status() const { return call()->status(); }

  void StartOutgoing(const std::string& receiver = "tel:+34600000002", const std::string& id = "c1",
                     const std::string& offer = sdp::kChromiumOffer, const std::string& location = "") {
    OutgoingRequest request;
    request.location = location;
    request.id = id;
    request.sdp_session_id = 99;
    request.owner = {"r1", "client", "user", "device"};
    request.originator_address = "tel:+34600000001";
    request.receiver_address = receiver;
    request.offer_sdp = offer;
    registry.CreateOutgoing(std::move(request), 1, now);
  }
  // Until the INVITE is out.
  void StartInvited() {
    StartOutgoing();
    Apply([&](Call& c) { c.OnMediaReady(0, Locals(), now); });
  }
  void Progress(int code, std::optional<std::string> sdp = std::nullopt, const DialogId& dialog = "A",
                std::optional<std::string> early_media = std::nullopt) {
    Apply([&](Call& c) {
      c.OnProgress({dialog, code,
                    code == 180   ? "Ringing"
                    : code == 183 ? "Session Progress"
                                  : "X",
                    std::move(sdp), std::move(early_media), false},
                   now);
    });
  }
  void Answer(std::optional<std::string> sdp = PhoneSdp(), const DialogId& dialog = "A") {
    Apply([&](Call& c) { c.OnAnswered(dialog, sdp, now); });
  }
  void StartConnected() {
    StartInvited();
    Answer();
    Apply([&](Call& c) { c.OnAccessConnected(now); });
    Clear();
  }

  void StartIncoming(std::optional<std::string> sdp = PhoneSdp(), bool supports_100rel = true,
                     const std::string& id = "c1") {
    IncomingRequest request;
    request.id = id;
    request.sdp_session_id = 98;
    request.owner = {"r1", "client", "user", "device"};
    request.invite.contact_token = "token";
    request.invite.caller.uri = "sip:+34600000003@ims.example;user=phone";
    request.invite.caller.assurance = {true, NumberCheck::kPassed};
    request.invite.called_uri = "sip:+34600000001@ims.example";
    request.invite.sdp = std::move(sdp);
    request.invite.supports_100rel = supports_100rel;
    request.invite.supports_precondition = supports_precondition;
    registry.CreateIncoming(std::move(request), now);
  }
  void StartInvitation(std::optional<std::string> sdp = PhoneSdp(), bool supports_100rel = true) {
    StartIncoming(std::move(sdp), supports_100rel);
    Apply([&](Call& c) { c.OnMediaReady(0, Locals(), now); });
  }
  std::string Put(Status status, std::optional<std::string> answer = std::nullopt,
                  std::optional<std::string> offer = std::nullopt) {
    registry.ChangeStatus("c1", {status, std::move(offer), std::move(answer), std::nullopt}, 2, now);
    return Outcome();
  }
  std::string Delete() {
    registry.Delete("c1", 3, now);
    return Outcome();
  }

  CallView last_event;
  std::optional<Refusal> last_refusal;
};

}  // namespace byon::call
