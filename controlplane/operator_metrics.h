#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/click_to_call/click_to_call.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/media/dataplane_client.h"
#include "controlplane/metrics/metric_set.h"
#include "controlplane/push/counters.h"
#include "controlplane/sip/sip_counters.h"
#include "controlplane/web_sip/web_sip.h"

namespace byon {

// What nobody else counts of an operator's API; on the strand.
struct ApiCounters {
  std::map<std::pair<std::string_view, int>, uint64_t> requests;  // by operation and status
  std::map<std::string_view, uint64_t> webhook_events;            // by outcome

  // An event of api::SubscriptionRegistry's observer; true when it is worth a line in the log.
  bool CountWebhook(std::string_view event);
};

void AddApiMetrics(metrics::MetricSet& set, const metrics::Labels& labels, const ApiCounters& counters);
void AddGatewayMetrics(metrics::MetricSet& set, const metrics::Labels& labels, const gateway::GatewayStats& stats);
void AddSipMetrics(metrics::MetricSet& set, const metrics::Labels& labels, const sip::SipCounters& counters);
void AddWebSipMetrics(metrics::MetricSet& set, const metrics::Labels& labels, const web_sip::WebSip& web_sip);
void AddPushMetrics(metrics::MetricSet& set, const metrics::Labels& labels, const push::Counters& counters);
void AddClickToCallMetrics(metrics::MetricSet& set, const metrics::Labels& labels,
                           const click_to_call::ClickToCall& visitors);
void AddDataplaneMetrics(metrics::MetricSet& set, const metrics::Labels& labels,
                         const std::vector<media::DataplaneLoad>& loads);

}  // namespace byon
