#include "tools/simphone/call.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace byon::simphone {
namespace {

using nlohmann::json;

constexpr int kSmallestSessionExpires = 90;  // RFC 4028 section 4

// What the other side said of our stream (RFC 3611 section 4.7); rates in shares.
json ExtendedReportText(const ExtendedReports& extended) {
  json text = {{"received", extended.received()}, {"round_trip_ms", extended.round_trip_ms()}};
  if (const auto& metrics = extended.metrics()) {
    text["loss_rate"] = metrics->loss_rate / 256.0;
    text["discard_rate"] = metrics->discard_rate / 256.0;
    text["burst_density"] = metrics->burst_density / 256.0;
    text["r_factor"] = metrics->r_factor;
    text["mos_lq"] = metrics->mos_lq / 10.0;
    text["mos_cq"] = metrics->mos_cq / 10.0;
    text["signal_level_dbm"] = metrics->signal_level_dbm;
    text["end_system_delay_ms"] = metrics->end_system_delay_ms;
    text["jitter_buffer_nominal_ms"] = metrics->jitter_buffer_nominal_ms;
  }
  return text;
}

}  // namespace

Call::Call(CallContext& context, std::string id)
    : context_(context),
      id_(std::move(id)),
      media_(context.config, context.transactions.loop(), std::hash<std::string>()(context.transactions.NewToken(16)),
             {[this](char digit, int duration_ms) {
                Emit("dtmf", {{"digit", std::string(1, digit)}, {"duration_ms", duration_ms}});
              },
              [this] { Emit("media_started", json::object()); }, [this] { Emit("rtcp_bye", json::object()); },
              [this](const std::string& ip, uint16_t port, const NegotiatedAudio* audio) {
                json path{{"ip", ip}, {"port", port}};
                if (audio != nullptr) {
                  path["remote"] = {
                      {"ip", audio->remote_ip}, {"port", audio->remote_port}, {"rtcp_port", audio->remote_rtcp_port}};
                }
                Emit("media_path", std::move(path));
              }}) {}

Call::~Call() { context_.transactions.loop().Cancel(session_timer_); }

void Call::Emit(const char* event, json fields) {
  fields["event"] = event;
  fields["call"] = id_;
  context_.emit(std::move(fields));
}

void Call::End(const char* event, json fields) {
  if (is_ended_) return;
  is_ended_ = true;
  context_.transactions.loop().Cancel(session_timer_);
  session_timer_ = 0;
  EmitStatistics(false);
  media_.stream().Stop();
  Emit(event, std::move(fields));
}

std::string Call::ContactHeader() const {
  return "<" + context_.registration.ContactUri() +
         ">;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";audio";
}

void Call::Respond(const ServerTransactionPtr& transaction, int status, const std::string& reason) {
  context_.transactions.Respond(transaction, SipMessage::ResponseTo(transaction->request(), status, reason));
}

void Call::HandlePrack(const ServerTransactionPtr& transaction) {
  Respond(transaction, 481, "Call/Transaction Does Not Exist");
}

void Call::HandleCancel(const ServerTransactionPtr& transaction) {
  // A CANCEL that crossed our final answer changes nothing (RFC 3261 section 9.2).
  Respond(transaction, 200, "OK");
}

void Call::HandleRequest(const ServerTransactionPtr& transaction) {
  const std::string& method = transaction->request().method();
  if (method == "CANCEL") return HandleCancel(transaction);
  if (method == "BYE") return HandleBye(transaction);
  if (method == "PRACK") return HandlePrack(transaction);
  if (method == "INVITE" || method == "UPDATE") return HandleOffer(transaction);
  if (method == "NOTIFY") return HandleNotify(transaction);
  if (method == "OPTIONS" || method == "INFO") {
    return Respond(transaction, 200, "OK");
  }
  Respond(transaction, 405, "Method Not Allowed");
}

void Call::HandleBye(const ServerTransactionPtr& transaction) {
  Respond(transaction, 200, "OK");
  End("bye", {{"reason", transaction->request().Header("Reason")}});
}

void Call::SendBye(const std::string& reason) {
  SipMessage bye = dialog_.MakeRequest("BYE", ContactHeader());
  if (!reason.empty()) bye.Add("Reason", reason);
  context_.transactions.Send(std::move(bye), dialog_.NextHop(), [](const SipMessage&) {});
}

void Call::EmitMediaChange(const AudioDescription& remote) {
  if (remote.direction == remote_direction_) return;
  remote_direction_ = remote.direction;
  Emit("remote_direction", {{"direction", std::string(DirectionName(remote.direction))}});
}

void Call::HandleOffer(const ServerTransactionPtr& transaction) {
  const SipMessage& request = transaction->request();
  const bool is_invite = request.method() == "INVITE";
  if (is_reinvite_open_) return Respond(transaction, 491, "Request Pending");
  dialog_.RefreshTarget(request);
  SipMessage response = SipMessage::ResponseTo(request, 200, "OK");
  response.Add("Contact", ContactHeader());
  response.Add("Supported", "100rel, timer");
  response.Add("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS");
  const std::string offer = request.body();
  if (!offer.empty()) {
    const auto answer = media_.AnswerTo(offer);
    if (!answer) return Respond(transaction, 488, "Not Acceptable Here");
    response.SetBody("application/sdp", *answer);
    EmitMediaChange(*media_.remote());
    if (media_.remote()->preconditions) HandlePreconditions(*media_.remote()->preconditions);
  } else if (is_invite) {
    response.SetBody("application/sdp", media_.MakeOffer());
    answer_comes_in_ack_ = true;
  }
  const std::string session_expires = request.Header("Session-Expires");
  if (!session_expires.empty()) {
    response.Add("Session-Expires", session_expires);
    response.Add("Require", "timer");
  }
  context_.transactions.Respond(transaction, response);
  if (is_invite) unacknowledged_ = transaction;
  if (!session_expires.empty()) StartSessionTimer(request, false);
  if (is_confirmed_) Emit(is_invite ? "reinvited" : "updated", {{"codec", media_.stream().MakeReport().codec}});
}

void Call::HandleAck(const SipMessage& ack) {
  if (unacknowledged_) {
    context_.transactions.StopRetransmission(unacknowledged_);
    unacknowledged_.reset();
  }
  if (answer_comes_in_ack_ && !ack.body().empty()) {
    answer_comes_in_ack_ = false;
    if (!media_.TakeAnswer(ack.body())) Emit("bad_answer", json::object());
  }
}

void Call::Hold() {
  media_.SetDirection(MediaDirection::kSendOnly);
  SendReinvite("held");
}

void Call::Resume() {
  media_.SetDirection(MediaDirection::kSendRecv);
  SendReinvite("resumed");
}

void Call::Reoffer(const std::optional<CodecPreferences>& codecs, bool moves_port) {
  if (codecs) media_.SetCodecs(*codecs);
  if (moves_port) media_.MoveToNewPort();
  SendReinvite("reoffered");
}

void Call::SendReinvite(const char* event) {
  SipMessage invite = dialog_.MakeRequest("INVITE", ContactHeader());
  invite.Add("Supported", "100rel, timer");
  invite.SetBody("application/sdp", media_.MakeOffer());
  const uint32_t cseq = invite.cseq();
  is_reinvite_open_ = true;
  context_.transactions.Send(std::move(invite), dialog_.NextHop(), [this, cseq, event](const SipMessage& response) {
    if (response.status() < 200) return;
    is_reinvite_open_ = false;
    if (response.status() >= 300) {
      return Emit("reinvite_failed", {{"code", response.status()}});
    }
    dialog_.RefreshTarget(response);
    context_.transactions.SendAck(dialog_.MakeAck(cseq, ContactHeader()), dialog_.NextHop());
    const bool is_agreed = media_.TakeAnswer(response.body());
    Emit(event, {{"agreed", is_agreed},
                 {"direction", is_agreed ? std::string(DirectionName(media_.remote()->direction)) : ""},
                 {"codec", media_.stream().MakeReport().codec}});
  });
}

void Call::StartSessionTimer(const SipMessage& message, bool is_uac) {
  const std::string value = message.Header("Session-Expires");
  session_expires_s_ = std::max(kSmallestSessionExpires, std::atoi(value.c_str()));
  const size_t semicolon = value.find(';');
  const std::string refresher =
      semicolon == std::string::npos ? "uac" : FindParameter(value.substr(semicolon), "refresher").value_or("uac");
  const bool is_refresher = (refresher == "uac") == is_uac;
  EventLoop& loop = context_.transactions.loop();
  loop.Cancel(session_timer_);
  if (is_refresher) {
    session_timer_ = loop.RunAfter(std::chrono::seconds(session_expires_s_ / 2), [this] { RefreshSession(); });
  } else {
    // RFC 4028 section 10: BYE a little before the session would expire.
    const int margin_s = std::min(32, session_expires_s_ / 3);
    session_timer_ = loop.RunAfter(std::chrono::seconds(session_expires_s_ - margin_s), [this] {
      SendBye("SIP;cause=408;text=\"Session timer expired\"");
      End("ended", {{"cause", "session timer"}});
    });
  }
}

void Call::RefreshSession() {
  SipMessage update = dialog_.MakeRequest("UPDATE", ContactHeader());
  update.Add("Supported", "timer");
  update.Add("Session-Expires", std::to_string(session_expires_s_) + ";refresher=uac");
  context_.transactions.Send(std::move(update), dialog_.NextHop(), [this](const SipMessage& response) {
    if (response.status() < 200 || is_ended_) return;
    Emit("session_refreshed", {{"code", response.status()}});
    if (response.status() < 300) StartSessionTimer(response, true);
  });
}

void Call::EmitStatistics(bool restarts_gap) {
  const MediaStream::Report report = media_.stream().MakeReport();
  const ArrivalStatistics& arrivals = *report.arrivals;
  json by_type = json::object();
  for (const auto& [type, count] : arrivals.by_payload_type) by_type[std::to_string(type)] = count;
  Emit("media_stats", {{"codec", report.codec},
                       {"sending", report.is_sending},
                       {"packets_sent", report.packets_sent},
                       {"packets", arrivals.packets},
                       {"payload_bytes", arrivals.payload_bytes},
                       {"lost", arrivals.lost},
                       {"duplicates", arrivals.duplicates},
                       {"reordered", arrivals.reordered},
                       {"late", report.late},
                       {"undecodable", report.undecodable},
                       {"ssrc", arrivals.ssrc},
                       {"ssrc_changes", arrivals.ssrc_changes},
                       {"sequence_jumps", arrivals.sequence_jumps},
                       {"timestamp_jumps", arrivals.timestamp_jumps},
                       {"markers", arrivals.markers},
                       {"unknown_payload_types", arrivals.unknown_payload_types},
                       {"by_payload_type", by_type},
                       {"first_packet_unix_ms", arrivals.first_packet_unix_ms},
                       {"largest_gap_ms", report.largest_gap_ms},
                       {"ms_since_last_packet", report.ms_since_last_packet},
                       {"jitter_ms", report.jitter_ms},
                       {"digits", report.received_digits},
                       {"remote", report.remote_source},
                       {"last_cmr", report.last_mode_request},
                       {"rtcp_sent", report.rtcp_sent},
                       {"rtcp_sr", report.sender_reports_received},
                       {"rtcp_rr", report.receiver_reports_received},
                       {"rtcp_xr", ExtendedReportText(*report.extended)},
                       {"remote_fraction_lost", report.remote_fraction_lost},
                       {"remote_jitter_ms", report.remote_jitter_ms},
                       {"round_trip_ms", report.round_trip_ms},
                       {"recorded_samples", report.recorded_samples}});
  if (restarts_gap) media_.stream().RestartGap();
}

}  // namespace byon::simphone
