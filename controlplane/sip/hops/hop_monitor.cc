#include "controlplane/sip/hops/hop_monitor.h"

namespace byon::sip {

HopMonitor::HopMonitor(ShardContext& context, std::function<void(size_t hop)> on_lost)
    : context_(context), on_lost_(std::move(on_lost)), call_id_(RandomHex(16)), tag_(RandomHex(8)) {
  Update();
}

void HopMonitor::Update() {
  const auto& config = context_.config;
  const auto& listed = context_.hop_list.listed();
  while (hops_.size() < context_.hop_list.size()) hops_.push_back(std::make_unique<Hop>(context_.thread));
  const bool is_needed = config.keepalive.count() != 0 && (listed.size() > 1 || config.tls);
  for (const size_t hop : listed) {
    if (is_needed && !hops_[hop]->is_asked) Schedule(hop);
  }
}

void HopMonitor::Forget(size_t hop) {
  hops_[hop]->transaction.reset();
  hops_[hop]->timer.Clear();
  hops_[hop]->is_asked = false;
}

void HopMonitor::Schedule(size_t hop) {
  // Not all gateways and threads at once.
  hops_[hop]->timer.Clear();
  hops_[hop]->is_asked = context_.hop_list.is_listed(hop);
  if (!hops_[hop]->is_asked) return;
  const auto interval = context_.config.keepalive;
  hops_[hop]->timer.Set(RandomDelay(interval * 3 / 4, interval), [this, hop] { Ask(hop); });
}

void HopMonitor::Ask(size_t hop) {
  Hop& asked = *hops_[hop];
  const std::string& uri = context_.hop_list.uri(hop);
  RequestText request{.method = "OPTIONS", .uri = uri, .headers = {}, .body = {}, .content_type = {}, .route = uri};
  std::string& h = request.headers;
  AddHeader(h, "Max-Forwards", "0");  // the question is to this hop and to nobody behind it
  AddHeader(h, "From", "<sip:" + context_.transactions.host_port() + ">;tag=" + tag_);
  AddHeader(h, "To", "<" + uri + ">");
  AddHeader(h, "Call-ID", call_id_ + std::to_string(hop));
  AddHeader(h, "CSeq", std::to_string(++asked.cseq) + " OPTIONS");
  asked.transaction = context_.transactions.Send(request, [this, hop](int status, const MessageView& response) {
    if (status < 200) return;
    // Made up by the stack: nobody listens there.
    if (response.is_empty()) return HandleSilence(hop);
    context_.hops.ReportAnswer(hop);
    hops_[hop]->transaction.reset();
    Schedule(hop);
  });
  if (asked.transaction == nullptr) return HandleSilence(hop);
  asked.timer.Set(context_.config.timers.register_deadline, [this, hop] { HandleSilence(hop); });
}

void HopMonitor::HandleSilence(size_t hop) {
  hops_[hop]->transaction.reset();
  Schedule(hop);
  const auto now = SipThread::Clock::now();
  const bool was_good = context_.hops.IsUsable(hop, now);
  context_.hops.ReportSilence(hop, now);
  if (!was_good) return;
  context_.counters.Add(SipCounter::kHopLost);
  on_lost_(hop);
}

}  // namespace byon::sip
