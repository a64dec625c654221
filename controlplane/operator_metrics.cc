#include "controlplane/operator_metrics.h"

#include <algorithm>

#include "controlplane/web_sip/counters.h"

namespace byon {

using metrics::Labels;
using metrics::MetricSet;
using metrics::With;

bool ApiCounters::CountWebhook(std::string_view event) {
  constexpr std::string_view kPrefix = "webhook_event_";
  if (!event.starts_with(kPrefix)) return true;
  for (const std::string_view outcome : {"delivered", "lost", "dropped"}) {
    if (event.substr(kPrefix.size()) == outcome) ++webhook_events[outcome];
  }
  return event != "webhook_event_delivered";
}

void AddApiMetrics(MetricSet& set, const Labels& labels, const ApiCounters& counters) {
  for (const auto& [what, count] : counters.requests) {
    set.Counter(
        "byon_api_requests",
        "Requests and commands answered, by operation and HTTP status; 429: over a limit of user, client or operator.",
        With(With(labels, "operation", std::string(what.first)), "status", std::to_string(what.second)), count);
  }
  for (const auto& [outcome, count] : counters.webhook_events) {
    set.Counter("byon_webhook_events",
                "Events for webhooks: delivered, lost after all attempts, dropped because a sink is slow.",
                With(labels, "outcome", std::string(outcome)), count);
  }
}

void AddGatewayMetrics(MetricSet& set, const Labels& labels, const gateway::GatewayStats& stats) {
  set.Gauge("byon_registrations", "Numbers registered, by device.", labels, static_cast<double>(stats.registrations));
  set.Gauge("byon_calls", "Calls that have not ended.", labels, static_cast<double>(stats.calls));
  set.Counter("byon_calls_started", "Calls for which media was asked for.", labels, stats.calls_started);
  set.Counter("byon_calls_connected", "Calls that were answered.", labels, stats.calls_connected);
  for (const auto& [status, count] : stats.calls_ended) {
    set.Counter("byon_calls_ended", "Calls that have ended, by last status.", With(labels, "status", status), count);
  }
  for (const auto& [what, count] : stats.emergencies) {
    set.Counter("byon_emergency_calls",
                "Calls for help: refused (use your phone), routed, answered (an ordinary call that a service has), "
                "callback, use-phone (by the network).",
                With(labels, "what", what), count);
  }
  for (const auto& [state, count] : stats.transfers) {
    set.Counter("byon_call_transfers", "Steps of calls being moved.", With(labels, "state", state), count);
  }
  for (const auto& [step, count] : stats.forks) {
    set.Counter(
        "byon_call_forks",
        "INVITEs that the gateway forked: started; device, phone (who answered), refused, cancelled; merged, loop, "
        "no_phone (left out).",
        With(labels, "step", step), count);
  }
  for (const auto& [state, count] : stats.referrals) {
    set.Counter("byon_call_referrals", "Steps of calls whose other side the network moves (REFER).",
                With(labels, "state", state), count);
  }
  set.Counter("byon_unreadable_records", "Records of the store that could not be read at start.", labels,
              stats.unreadable_records);
}

namespace {

// Only what there has been: most methods never meet most statuses.
void AddSipTraffic(MetricSet& set, const Labels& labels, const sip::SipTraffic& traffic) {
  using sip::SipTraffic;
  for (size_t method = 0; method < SipTraffic::kMethods; ++method) {
    const Labels of_method = With(labels, "method", std::string(SipTraffic::Methods()[method]));
    for (const auto& [direction, name] :
         {std::pair(sip::TrafficDirection::kSent, "sent"), std::pair(sip::TrafficDirection::kReceived, "received")}) {
      const Labels of_direction = With(of_method, "direction", name);
      if (const uint64_t count = traffic.Requests(direction, method)) {
        set.Counter("byon_sip_requests", "SIP requests to and from the network, without repetitions.", of_direction,
                    count);
      }
      for (size_t status = 0; status < SipTraffic::kStatuses; ++status) {
        const uint64_t count = traffic.Responses(direction, method, status);
        if (count == 0) continue;
        set.Counter("byon_sip_responses", "SIP responses to and from the network, by the method of their request.",
                    With(of_direction, "status", std::string(SipTraffic::Statuses()[status])), count);
      }
    }
    for (const auto& [cause, name] :
         {std::pair(sip::NoAnswer::kTimeout, "timeout"), std::pair(sip::NoAnswer::kTransport, "transport")}) {
      if (const uint64_t count = traffic.NoAnswers(method, cause)) {
        set.Counter("byon_sip_unanswered",
                    "SIP requests to which nobody answered: in time, or because they could not be carried.",
                    With(of_method, "cause", name), count);
      }
    }
    const SipTraffic::RoundTrips trips = traffic.RoundTripsOf(method);
    if (std::any_of(trips.counts.begin(), trips.counts.end(), [](uint64_t count) { return count != 0; })) {
      set.Histogram("byon_sip_round_trip_seconds", "From a SIP request of ours to its first response, 100 included.",
                    of_method, SipTraffic::Bounds(), trips.counts, trips.sum_s);
    }
  }
}

}  // namespace

void AddSipMetrics(MetricSet& set, const Labels& labels, const sip::SipCounters& counters) {
  for (size_t i = 0; i < static_cast<size_t>(sip::SipCounter::kCount); ++i) {
    const auto counter = static_cast<sip::SipCounter>(i);
    set.Counter("byon_sip_events", "What the SIP side towards the network has sent, taken, refused and dropped.",
                With(labels, "event", std::string(ToString(counter))), counters.Get(counter));
  }
  AddSipTraffic(set, labels, counters.traffic);
}

void AddWebSipMetrics(MetricSet& set, const Labels& labels, const web_sip::WebSip& web_sip) {
  set.Gauge("byon_sip_websocket_lines", "SIP clients registered over WebSocket.", labels,
            static_cast<double>(web_sip.lines()));
  set.Gauge("byon_sip_websocket_calls", "Calls of SIP clients over WebSocket.", labels,
            static_cast<double>(web_sip.calls()));
  for (size_t i = 0; i < static_cast<size_t>(web_sip::Counter::kCount); ++i) {
    const auto counter = static_cast<web_sip::Counter>(i);
    set.Counter("byon_sip_websocket_events", "What became of the messages of SIP clients over WebSocket.",
                With(labels, "event", std::string(ToString(counter))), web_sip.counters().Get(counter));
  }
}

void AddPushMetrics(MetricSet& set, const Labels& labels, const push::Counters& counters) {
  for (size_t i = 0; i < static_cast<size_t>(push::Counter::kCount); ++i) {
    const auto counter = static_cast<push::Counter>(i);
    set.Counter("byon_push_events", "What became of pushes to sleeping apps.",
                With(labels, "event", std::string(ToString(counter))), counters.Get(counter));
  }
}

void AddClickToCallMetrics(MetricSet& set, const Labels& labels, const click_to_call::ClickToCall& visitors) {
  for (const click_to_call::Campaign& campaign : visitors.campaigns()) {
    const click_to_call::CampaignFigures& figures = visitors.FiguresOf(campaign.id);
    const Labels of_campaign = With(labels, "campaign", campaign.id);
    set.Counter("byon_click_to_call_tokens", "Tokens given to visitors.", of_campaign, figures.tokens);
    set.Counter("byon_click_to_call_calls_started", "Calls of visitors.", of_campaign, figures.calls_started);
    for (size_t i = 0; i < figures.refused.size(); ++i) {
      set.Counter("byon_click_to_call_refused", "Calls of visitors that were refused, by reason.",
                  With(of_campaign, "reason", std::string(ToString(static_cast<click_to_call::Refusal>(i)))),
                  figures.refused[i]);
    }
  }
}

void AddDataplaneMetrics(MetricSet& set, const Labels& labels, const std::vector<media::DataplaneLoad>& loads) {
  for (const media::DataplaneLoad& load : loads) {
    const media::DataplaneStatus& status = load.status;
    const Labels of_node = With(With(labels, "address", status.address), "node", status.node_id);
    set.Gauge("byon_dataplane_up", "1 when the dataplane answers.", of_node, status.is_reachable ? 1 : 0);
    set.Gauge("byon_dataplane_draining", "1 when the dataplane takes no new sessions.", of_node,
              status.is_draining ? 1 : 0);
    set.Gauge("byon_dataplane_sessions", "Media sessions of the dataplane, of every operator.", of_node,
              status.session_count);
    set.Gauge("byon_dataplane_session_capacity", "Media sessions that it takes.", of_node, status.session_capacity);
    if (!load.is_known) continue;
    set.Counter("byon_dataplane_packets_received", "Packets that the dataplane has received.", of_node,
                load.packets_received);
    set.Counter("byon_dataplane_packets_sent", "Packets that the dataplane has sent.", of_node, load.packets_sent);
    set.Counter("byon_dataplane_late_ticks", "Ticks of play-out that came too late.", of_node, load.late_ticks);
    for (const auto& [reason, count] : load.drops) {
      set.Counter("byon_dataplane_drops", "Packets dropped, by reason.", With(of_node, "reason", reason), count);
    }
  }
}

}  // namespace byon
