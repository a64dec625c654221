#include "tools/load/run_result.h"

#include <cstdio>

namespace byon::load {
namespace {

// A packet of the load may go out so late before the run says nothing about the gateway any more.
constexpr double kMostSendLatenessMs = 10;

std::string Count(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

Verdict Judge(const RunResult& result) {
  Verdict verdict;
  const auto say = [&](std::string sentence) { verdict.reasons.push_back(std::move(sentence)); };
  const auto direction = [&](const DirectionResult& way, const char* from, const char* to) {
    if (way.lost_before() > 0) {
      say(Count(static_cast<uint64_t>(way.lost_before()), "packet") + " from the " + from +
          "s did not reach the gateway's call.");
    }
    if (way.lost_behind > 0) say(Count(way.lost_behind, "packet") + " from the gateway did not reach the " + to + "s.");
    if (way.undecryptable > 0) say(Count(way.undecryptable, "packet") + " to the " + to + "s could not be decrypted.");
    if (way.new_sources > 0)
      say(Count(way.new_sources, "time") + " the gateway changed its SSRC towards the " + to + "s.");
    if (way.unexpected_payload_type > 0) {
      say(Count(way.unexpected_payload_type, "packet") + " to the " + to + "s had an unexpected payload type.");
    }
  };
  if (result.failed > 0) {
    std::string reasons;
    for (const auto& [reason, count] : result.failures)
      reasons += (reasons.empty() ? "" : "; ") + std::to_string(count) + " times " + reason;
    say(Count(result.failed, "call") + " failed: " + reasons + ".");
  }
  if (result.connected == 0) say("no call was connected.");
  direction(result.to_phone, "browser", "phone");
  direction(result.to_browser, "phone", "browser");
  if (result.latest_ms > 0) {
    const auto late = [&](const DirectionResult& way, const char* to) {
      const double p99 = way.times.arrivals.lateness.QuantileMs(0.99);
      if (p99 <= result.latest_ms) return;
      char text[160];
      std::snprintf(text, sizeof text, "a hundredth of the packets to the %ss came %.1f ms late or later.", to, p99);
      say(text);
    };
    late(result.to_phone, "phone");
    late(result.to_browser, "browser");
  } else if (result.late_ticks > 0) {
    say(Count(result.late_ticks, "tick") + " of the gateway came over 5 ms late.");
  }
  if (result.unknown_ends > 0)
    say("the gateway did not give the final figures of " + Count(result.unknown_ends, "call") + ".");
  if (result.media_timeouts > 0) say(Count(result.media_timeouts, "time") + " the gateway missed media that was sent.");
  if (result.consent_lost > 0) say(Count(result.consent_lost, "time") + " the gateway lost the browser's consent.");
  verdict.is_clean = verdict.reasons.empty();
  if (result.socket_overflow > 0) {
    say("the load generator itself was too slow to take " + Count(result.socket_overflow, "packet") + ".");
    verdict.is_load_limit = true;
  }
  if (result.send_lateness.QuantileMs(0.99) > kMostSendLatenessMs) {
    char text[160];
    std::snprintf(text, sizeof text, "the load generator itself sent a hundredth of its packets %.1f ms late or later.",
                  result.send_lateness.QuantileMs(0.99));
    say(text);
    verdict.is_load_limit = true;
  }
  if (verdict.is_load_limit) verdict.is_clean = false;
  return verdict;
}

}  // namespace byon::load
