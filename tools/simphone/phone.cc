#include "tools/simphone/phone.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace byon::simphone {
namespace {

using nlohmann::json;

// Responses and repetitions may still come for a call that has ended: 64 * T1 (RFC 3261).
constexpr auto kForgetAfter = std::chrono::seconds(40);
constexpr auto kShutDownPatience = std::chrono::milliseconds(1500);

SipEndpoint PcscfEndpoint(const std::string& text) {
  const auto uri = SipUri::Parse("sip:" + text);
  if (!uri) throw std::runtime_error("P-CSCF must be IP:PORT, not " + text);
  return {uri->host, uri->port != 0 ? uri->port : uint16_t{5060}, -1};
}

int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

CodecPreferences PreferencesFrom(const json& command, CodecPreferences preferences) {
  if (command.contains("codecs")) preferences.codecs = command["codecs"];
  if (command.contains("mode_set")) preferences.mode_set = command["mode_set"].get<std::vector<int>>();
  const std::string alignment = command.value("align", "");
  if (!alignment.empty()) {
    preferences.may_octet_align = alignment != "bandwidth";
    preferences.may_bandwidth_efficient = alignment != "octet";
  }
  return preferences;
}

}  // namespace

Phone::Phone(EventLoop& loop, PhoneConfig config, uint64_t seed, EventHandler handler)
    : loop_(loop),
      config_(std::move(config)),
      handler_(std::move(handler)),
      transactions_(loop, config_.local_ip, config_.sip_port, seed),
      registration_(config_, transactions_, PcscfEndpoint(config_.pcscf),
                    [this](const Registration::Outcome& outcome) { OnRegistration(outcome); }),
      messages_(config_, transactions_, registration_, [this](json event) { Emit(std::move(event)); }),
      dialogs_(config_, transactions_, registration_),
      context_{config_, transactions_, registration_, [this](json event) { Emit(std::move(event)); }} {
  transactions_.transport().Trace(config_.traces_sip);
  transactions_.OnRequest([this](const ServerTransactionPtr& t) { OnRequest(t); });
  transactions_.OnAck([this](const SipMessage& ack) {
    for (auto& [id, call] : calls_) {
      if (call->Owns(ack)) return call->HandleAck(ack);
    }
  });
}

Phone::~Phone() = default;

void Phone::Emit(json event) {
  event["time_ms"] = UnixMs();
  if (event.contains("call") && calls_.contains(event["call"]) && calls_[event["call"]]->is_ended()) {
    ForgetLater(event["call"]);
  }
  const bool is_of_call = event.contains("call");
  handler_(event);
  if (is_of_call && config_.publishes_dialogs) PublishDialogs();
}

void Phone::PublishDialogs() {
  std::vector<DialogPublisher::Entry> talking;
  for (const auto& [id, call] : calls_) {
    if (call->is_talking()) talking.push_back({&call->dialog(), call->is_initiator()});
  }
  dialogs_.Publish(talking);
}

void Phone::ForgetLater(const std::string& id) {
  std::erase(order_, id);
  loop_.RunAfter(kForgetAfter, [this, id] { calls_.erase(id); });
}

void Phone::OnRegistration(const Registration::Outcome& outcome) {
  if (when_shut_down_) return when_shut_down_();
  if (outcome.is_registered) {
    Emit({{"event", "registered"},
          {"expires", outcome.expires_s},
          {"associated", registration_.associated_uris()},
          {"path", registration_.path()},
          {"route", registration_.RouteSet()}});
  } else if (outcome.status >= 200 && outcome.status < 300) {
    Emit({{"event", "deregistered"}});
  } else {
    Emit({{"event", "registration_failed"}, {"code", outcome.status}, {"phrase", outcome.reason}});
  }
}

void Phone::OnRequest(const ServerTransactionPtr& transaction) {
  for (auto& [id, call] : calls_) {
    if (call->Owns(transaction->request())) return call->HandleRequest(transaction);
  }
  OnNewRequest(transaction);
}

void Phone::OnNewRequest(const ServerTransactionPtr& transaction) {
  const SipMessage& request = transaction->request();
  const auto respond = [&](int status, const std::string& reason) {
    SipMessage response = SipMessage::ResponseTo(request, status, reason);
    if (NameAddress::Parse(request.Header("To")).Parameter("tag").value_or("").empty()) {
      response.Set("To", request.Header("To") + ";tag=" + transactions_.NewToken(8));
    }
    transactions_.Respond(transaction, response);
  };
  const bool is_in_dialog = NameAddress::Parse(request.Header("To")).Parameter("tag").has_value();
  if (is_in_dialog || request.method() == "CANCEL" || request.method() == "BYE") {
    return respond(481, "Call/Transaction Does Not Exist");
  }
  if (request.method() == "OPTIONS" || request.method() == "NOTIFY") return respond(200, "OK");
  if (request.method() == "MESSAGE") return messages_.Receive(transaction);
  if (request.method() != "INVITE") return respond(405, "Method Not Allowed");
  if (!request.Header("Replaces").empty()) {
    for (auto& [id, call] : calls_) {
      if (call->IsReplacedBy(request)) return call->Replace(transaction);
    }
    return respond(481, "Call/Transaction Does Not Exist");
  }
  const std::string id = "in" + std::to_string(++last_call_);
  auto call = std::make_unique<IncomingCall>(context_, id, transaction);
  IncomingCall& incoming = *call;
  calls_[id] = std::move(call);
  order_.push_back(id);
  incoming.Start();
}

Call& Phone::FindCall(const json& command) {
  const std::string id = command.value("call", order_.empty() ? "" : order_.back());
  const auto found = calls_.find(id);
  if (found == calls_.end()) throw std::runtime_error("no such call: " + id);
  return *found->second;
}

void Phone::Execute(const json& command) {
  try {
    const std::string name = command.value("cmd", "");
    if (name == "register") {
      registration_.Register();
    } else if (name == "deregister") {
      registration_.Deregister();
    } else if (name == "policy") {
      ChangePolicy(command);
    } else if (name == "message") {
      messages_.Send(command);
    } else if (name == "message_policy") {
      messages_.ChangePolicy(command);
    } else if (name == "call") {
      const std::string id = command.value("id", "out" + std::to_string(++last_call_));
      calls_[id] = std::make_unique<OutgoingCall>(context_, id, command.at("to"));
      order_.push_back(id);
    } else {
      RunCallCommand(name, command);
    }
  } catch (const std::exception& problem) {
    Emit({{"event", "error"}, {"text", problem.what()}});
  }
}

void Phone::RunCallCommand(const std::string& name, const json& command) {
  Call& call = FindCall(command);
  auto* incoming = dynamic_cast<IncomingCall*>(&call);
  if (name == "answer" && incoming != nullptr) {
    incoming->Answer();
  } else if (name == "ring" && incoming != nullptr) {
    incoming->Ring();
  } else if (name == "early_media" && incoming != nullptr) {
    incoming->PlayEarlyMedia();
  } else if (name == "reject" && incoming != nullptr) {
    incoming->Reject(command.value("code", 486), command.value("phrase", "Rejected"));
  } else if (name == "hangup") {
    call.Hangup(command.value("reason", "Q.850;cause=16;text=\"Normal call clearing\""));
  } else if (name == "hold") {
    call.Hold();
  } else if (name == "resume") {
    call.Resume();
  } else if (name == "refer") {
    const std::string other = command.value("with", "");
    const auto replaced = calls_.find(other);
    if (!other.empty() && replaced == calls_.end()) throw std::runtime_error("no such call: " + other);
    call.Refer(command.at("to"), other.empty() ? nullptr : replaced->second.get(), command.value("silent", false));
  } else if (name == "reoffer") {
    std::optional<CodecPreferences> codecs;
    if (command.contains("codecs") || command.contains("align") || command.contains("mode_set")) {
      codecs = PreferencesFrom(command, config_.codecs);
    }
    call.Reoffer(codecs, command.value("new_port", false));
  } else {
    RunMediaCommand(name, command, call);
  }
}

void Phone::RunMediaCommand(const std::string& name, const json& command, Call& call) {
  MediaStream& stream = call.media().stream();
  if (name == "dtmf") {
    stream.SendDtmf(command.at("digits"), command.value("duration_ms", 120), command.value("gap_ms", 80));
  } else if (name == "play") {
    stream.source().Play(command.value("what", ""));
  } else if (name == "record") {
    stream.Record(command.at("file"));
    Emit({{"event", "recording"}, {"call", call.id()}});  // its time is that of the file's start
  } else if (name == "stop_recording") {
    stream.StopRecording();
    Emit({{"event", "recorded"}, {"call", call.id()}, {"samples", stream.MakeReport().recorded_samples}});
  } else if (name == "stats") {
    call.EmitStatistics(command.value("reset_gap", false));
  } else {
    throw std::runtime_error("unknown command: " + command.dump());
  }
}

void Phone::ChangePolicy(const json& command) {
  config_.auto_answer_ms = command.value("auto_answer_ms", config_.auto_answer_ms);
  config_.reject_code = command.value("reject_code", config_.reject_code);
  config_.rings = command.value("rings", config_.rings);
  config_.plays_early_media = command.value("early_media", config_.plays_early_media);
  config_.use_preconditions = command.value("preconditions", config_.use_preconditions);
  config_.use_100rel = command.value("reliable", config_.use_100rel);
  config_.publishes_dialogs = command.value("publish_dialogs", config_.publishes_dialogs);
  config_.session_expires_s = command.value("session_expires", config_.session_expires_s);
  config_.play = command.value("play", config_.play);
  config_.record = command.value("record", config_.record);
  config_.codecs = PreferencesFrom(command, config_.codecs);
  Emit({{"event", "policy"}});
}

void Phone::ShutDown(std::function<void()> done) {
  const bool was_registered = registration_.is_registered();
  for (const std::string& id : std::vector<std::string>(order_)) calls_[id]->Hangup("");
  when_shut_down_ = std::move(done);
  if (!was_registered) return when_shut_down_();
  registration_.Deregister();
  loop_.RunAfter(kShutDownPatience, when_shut_down_);
}

}  // namespace byon::simphone
