#include "perf/quality/plan.h"

#include <algorithm>
#include <array>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

using base::TimeDelta;

constexpr TimeDelta kFreezeAt = TimeDelta::Seconds(4);
constexpr TimeDelta kFreeze = TimeDelta::Seconds(5);
// Ends 2 s before the first recording.
constexpr TimeDelta kStallAt = TimeDelta::Milliseconds(9800);
constexpr TimeDelta kStall = TimeDelta::Milliseconds(200);
constexpr double kRelativeDrift = 0.025;  // 25 ms in a second

const std::vector<Weather>& AllWeathers() {
  static const std::vector<Weather> weathers = {
      {.name = "clean"},
      {.name = "loss 1 %", .loss = 0.01},
      {.name = "loss 3 %", .loss = 0.03},
      {.name = "loss 5 %", .loss = 0.05},
      {.name = "loss 10 %", .loss = 0.10},
      {.name = "loss 20 %", .loss = 0.20},
      {.name = "bursts 1 %", .burst_loss = 0.01},
      {.name = "bursts 3 %", .burst_loss = 0.03},
      {.name = "bursts 5 %", .burst_loss = 0.05},
      {.name = "bursts 10 %", .burst_loss = 0.10},
      {.name = "bursts 20 %", .burst_loss = 0.20},
      {.name = "jitter LTE DRX 40", .jitter = JitterProfile::kLteDrx40},
      {.name = "jitter uniform 40", .jitter = JitterProfile::kUniform40},
      {.name = "jitter Wi-Fi", .jitter = JitterProfile::kWifi},
      {.name = "jitter cross traffic", .jitter = JitterProfile::kCrossTraffic},
      {.name = "LTE DRX 40, loss 5 %", .loss = 0.05, .jitter = JitterProfile::kLteDrx40},
      {.name = "drift +200 ppm", .drift = 200e-6},
      {.name = "drift -200 ppm", .drift = -200e-6},
      {.name = "drift +25 ms/s", .drift = kRelativeDrift},
      {.name = "drift -25 ms/s", .drift = -kRelativeDrift},
      {.name = "reordering 5 %", .reorder = 0.05},
      {.name = "duplicates 10 %", .duplicate = 0.1},
      {.name = "stall 200 ms", .stall_at = kStallAt, .stall = kStall},
      {.name = "freeze 5 s", .stall_at = kFreezeAt, .stall = kFreeze},
      {.name = "outage 5 s", .stall_at = kFreezeAt, .stall = kFreeze, .loses_stalled = true},
      {.name = "listener loses 2 %", .listener_loss = 0.02},
      {.name = "listener loses 5 %", .listener_loss = 0.05},
      {.name = "listener loses 10 %", .listener_loss = 0.10},
      {.name = "freeze 5 s, +25 ms/s", .drift = kRelativeDrift, .stall_at = kFreezeAt, .stall = kFreeze},
      {.name = "freeze 5 s, -25 ms/s", .drift = -kRelativeDrift, .stall_at = kFreezeAt, .stall = kFreeze},
  };
  return weathers;
}

constexpr std::array kCoreWeathers = {"clean",      "loss 1 %",    "loss 5 %",    "loss 10 %",        "loss 20 %",
                                      "bursts 5 %", "bursts 10 %", "bursts 20 %", "jitter LTE DRX 40"};
constexpr std::array kQuickWeathers = {"clean", "loss 5 %", "bursts 10 %", "jitter LTE DRX 40", "stall 200 ms"};

}  // namespace

const Weather& FindWeather(std::string_view name) {
  const auto found = std::ranges::find(AllWeathers(), name, &Weather::name);
  BYON_CHECK(found != AllWeathers().end(), "a weather is known by its name");
  return *found;
}

std::vector<Row> PlanRows(Extent extent) {
  const std::vector<CallPath> legs = {{kOpus, {}}, {kAmrWb2385, {}}, {kAmr122, {}}};
  const std::vector<CallPath> calls = {
      {kOpus, kAmrWb2385}, {kOpus, kAmrWb1265}, {kAmrWb2385, kOpus}, {kOpus, kAmr122}, {kAmr122, kOpus}};
  std::vector<Row> rows;
  if (extent == Extent::kQuick) {
    for (const CallPath& path : {legs[0], legs[1], calls[0]}) {
      for (const char* name : kQuickWeathers) rows.push_back({path, FindWeather(name)});
    }
    return rows;
  }
  const auto add_all = [&rows](const CallPath& path) {
    for (const Weather& weather : AllWeathers()) {
      if (weather.listener_loss == 0) rows.push_back({path, weather});
    }
  };
  for (const CallPath& leg : legs) add_all(leg);
  // Beyond the codecs, what holds for these two holds for the others.
  add_all(calls[0]);
  add_all(calls[2]);
  for (const CallPath& call : {calls[1], calls[3], calls[4]}) {
    for (const char* name : kCoreWeathers) rows.push_back({call, FindWeather(name)});
  }
  // A browser that loses what it is sent says so, and is sent something else.
  for (const CallPath& path : {calls[2], calls[4]}) {
    for (const Weather& weather : AllWeathers()) {
      if (weather.listener_loss > 0) rows.push_back({path, weather});
    }
  }
  // What the far end may do otherwise: longer packets, silence, redundancy.
  constexpr std::array kOtherWeathers = {"clean", "loss 5 %", "loss 10 %", "bursts 10 %", "jitter LTE DRX 40"};
  for (const CallPath& path : {CallPath{kOpus40Ms, {}}, CallPath{kOpus60Ms, {}}, CallPath{kAmrWb2385Dtx, {}},
                               CallPath{kAmr122Dtx, {}}, CallPath{kOpusRed, kAmrWb2385}}) {
    for (const char* name : kOtherWeathers) rows.push_back({path, FindWeather(name)});
  }
  // What AMR 12.2 gains over its library in bursts is real but small; Wi-Fi stands still seldom in one call.
  for (Row& row : rows) {
    const bool is_amr = row.path.in.codec == CodecKind::kAmr;
    const bool is_wifi = row.weather.jitter == JitterProfile::kWifi;
    if ((is_amr && row.weather.burst_loss > 0) || is_wifi) row.times_seeds = 3;
  }
  return rows;
}

}  // namespace byon::quality
