#include "perf/quality/targets.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "perf/quality/bit_exactness.h"
#include "perf/quality/format.h"
#include "perf/quality/plan.h"

namespace byon::quality {
namespace {

// PESQ of the library chain by share of lost packets: the curve that goals in PESQ are read
// against. Measured on P.501 speech, 12 runs a point, with ideal timing.
struct CurvePoint {
  double loss;
  double pesq;
};
constexpr CurvePoint kOpusFec[] = {{0, 4.42},    {0.01, 4.33}, {0.03, 4.22}, {0.05, 4.06},
                                   {0.10, 3.66}, {0.20, 2.91}, {0.30, 2.15}};
constexpr CurvePoint kOpusFecToAmrWb[] = {{0, 3.93},    {0.01, 3.88}, {0.03, 3.81}, {0.05, 3.70},
                                          {0.10, 3.41}, {0.20, 2.75}, {0.30, 2.10}};
constexpr CurvePoint kOpusFecToAmrWbBursts[] = {{0, 3.93}, {0.05, 2.68}, {0.10, 2.39}, {0.20, 1.74}};
constexpr CurvePoint kAmrWbRepeat[] = {{0, 3.99}, {0.01, 3.44}, {0.03, 2.81}, {0.05, 2.29}, {0.10, 1.74}, {0.20, 1.35}};

double LossWithPesq(std::span<const CurvePoint> curve, double pesq) {
  for (size_t i = 1; i < curve.size(); ++i) {
    const CurvePoint& a = curve[i - 1];
    const CurvePoint& b = curve[i];
    if (pesq <= a.pesq && pesq >= b.pesq) {
      return a.loss + (b.loss - a.loss) * (a.pesq - pesq) / (a.pesq - b.pesq);
    }
  }
  return 0;
}

// "As good as the library chain with PESQ so-and-so."
struct QualityGoal {
  const char* id;
  CallPath path;
  const char* weather;
  double pesq;
  std::span<const CurvePoint> curve;
  bool is_burst;
  Concealment concealment;
};

std::vector<QualityGoal> QualityGoals() {
  const CallPath call{kOpus, kAmrWb2385}, opus{kOpus, {}}, amr_wb{kAmrWb2385, {}};
  constexpr auto kLibrary = Concealment::kLibrary;
  constexpr auto kRepeat = Concealment::kRepeat;
  std::vector<QualityGoal> goals = {
      {"G-Q-02", call, "loss 5 %", 3.60, kOpusFecToAmrWb, false, kLibrary},
      {"G-Q-02", call, "loss 10 %", 3.30, kOpusFecToAmrWb, false, kLibrary},
      {"G-Q-02", call, "loss 20 %", 2.60, kOpusFecToAmrWb, false, kLibrary},
      {"G-Q-02b", opus, "clean", 4.40, kOpusFec, false, kLibrary},
      {"G-Q-02b", opus, "loss 5 %", 3.90, kOpusFec, false, kLibrary},
      {"G-Q-02b", opus, "loss 10 %", 3.55, kOpusFec, false, kLibrary},
      {"G-Q-02b", opus, "loss 20 %", 2.80, kOpusFec, false, kLibrary},
      {"G-Q-03", call, "bursts 5 %", 2.70, kOpusFecToAmrWbBursts, true, kLibrary},
      {"G-Q-03", call, "bursts 10 %", 2.45, kOpusFecToAmrWbBursts, true, kLibrary},
      {"G-Q-03", call, "bursts 20 %", 1.80, kOpusFecToAmrWbBursts, true, kLibrary},
      {"G-Q-04", amr_wb, "loss 1 %", 3.5, kAmrWbRepeat, false, kRepeat},
      {"G-Q-04", amr_wb, "loss 3 %", 2.9, kAmrWbRepeat, false, kRepeat},
      {"G-Q-04", amr_wb, "loss 5 %", 2.4, kAmrWbRepeat, false, kRepeat},
      {"G-Q-04", amr_wb, "loss 10 %", 1.8, kAmrWbRepeat, false, kRepeat},
  };
  // Jitter without loss may cost 0.2.
  for (const char* weather : kJitterWeathers) {
    goals.push_back({"G-Q-05", opus, weather, 4.42 - 0.2, kOpusFec, false, kLibrary});
    goals.push_back({"G-Q-05", amr_wb, weather, 3.99 - 0.2, kAmrWbRepeat, false, kRepeat});
  }
  return goals;
}

class Checker {
 public:
  Checker(Laboratory& laboratory, const std::vector<RowResult>& results, const Settings& settings)
      : laboratory_(laboratory), results_(results), settings_(settings) {}

  std::vector<Check> Run() {
    CheckUntouched();
    CheckQualityGoals();
    CheckAgainstLibrary();
    CheckDelays();
    CheckEvents();
    CheckCpu();
    CheckDiscipline();
    return std::move(checks_);
  }

 private:
  const RowResult* Find(const CallPath& path, std::string_view weather) const {
    const auto found = std::ranges::find_if(results_, [&](const RowResult& result) {
      return result.row.path.name() == path.name() && result.row.weather.name == weather;
    });
    return found == results_.end() ? nullptr : &*found;
  }
  void Add(const char* id, std::string target, std::string figure, bool is_met) {
    checks_.push_back({id, std::move(target), std::move(figure), is_met});
  }
  // `is_strict`: the mean itself has to be as good; else we may be worse within the confidence
  // interval.
  void AddNotWorse(const char* id, const RowResult& row, const std::string& than, const Scores& theirs, bool is_strict,
                   bool is_stoi_only = false) {
    const Estimate stoi = PairedDifference(row.ours.stoi, theirs.stoi);
    const Estimate lsd = PairedDifference(theirs.lsd_db, row.ours.lsd_db);
    Add(id, row.row.name() + ": STOI as " + than, Format("%+.4f +- %.4f", stoi.mean, stoi.half_width),
        (is_strict ? stoi.mean : stoi.upper()) >= -kSameStoi);
    if (is_stoi_only) return;
    Add(id, row.row.name() + ": LSD as " + than, Format("%+.2f +- %.2f dB", -lsd.mean, lsd.half_width),
        (is_strict ? lsd.mean : lsd.upper()) >= -kSameLsdDb);
  }

  void CheckUntouched();
  void CheckQualityGoals();
  void CheckAgainstLibrary();
  void CheckDelays();
  void CheckEvents();
  void CheckCpu();
  void CheckDiscipline();

  // Differences below these are none.
  static constexpr double kSameStoi = 0.0005;
  static constexpr double kSameLsdDb = 0.02;

  Laboratory& laboratory_;
  const std::vector<RowResult>& results_;
  const Settings& settings_;
  std::vector<Check> checks_;
};

void Checker::CheckUntouched() {
  for (const RowResult& row : results_) {
    if (row.row.weather.name != "clean") continue;
    const Estimate gain = PairedDifference(row.ours.stoi, row.library.stoi);
    Add("G-Q-01", row.row.name() + ": STOI >= library chain - 0.005", Format("%+.4f", gain.mean), gain.mean >= -0.005);
    // What is heard in pauses is the decoder's own noise, and a pause may become longer or shorter.
    const CodecChoice& in = row.row.path.in;
    if (row.row.path.out || in.codec == CodecKind::kOpus || in.has_dtx) continue;
    const double share = IdenticalShare(laboratory_, row.row.path);
    Add("G-Q-01", row.row.name() + ": bit-exact with the library's decoder",
        Format("%.2f %% of the samples", share * 100), share == 1);
  }
}

void Checker::CheckQualityGoals() {
  std::vector<QualityGoal> goals = QualityGoals();
  std::erase_if(goals, [&](const QualityGoal& goal) { return Find(goal.path, goal.weather) == nullptr; });
  std::vector<LibraryRow> rows;
  for (const QualityGoal& goal : goals) {
    const double loss = LossWithPesq(goal.curve, goal.pesq);
    rows.push_back({goal.path, goal.is_burst ? 0 : loss, goal.is_burst ? loss : 0, goal.concealment,
                    Find(goal.path, goal.weather)->row.times_seeds});
  }
  const auto scores = RunLibraryRows(laboratory_, rows, settings_);
  for (size_t i = 0; i < goals.size(); ++i) {
    const std::string than =
        Format("%s at %.2f %% loss (PESQ %.2f)",
               goals[i].concealment == Concealment::kRepeat ? "repeating 20 ms" : "the library chain",
               (rows[i].loss + rows[i].burst_loss) * 100, goals[i].pesq);
    AddNotWorse(goals[i].id, *Find(goals[i].path, goals[i].weather), than, scores[i], true);
  }
}

void Checker::CheckAgainstLibrary() {
  for (const RowResult& row : results_) {
    if (!row.usual.stoi.empty()) {
      AddNotWorse("listener", row, "libopus as speech at 32 kbit/s, all effort, told of no loss", row.usual, false,
                  true);
    }
    const double loss = row.row.weather.loss + row.row.weather.burst_loss;
    if (loss + row.row.weather.listener_loss == 0 || row.row.weather.jitter != JitterProfile::kNone) continue;
    AddNotWorse("same seeds", row, "the library chain", row.library, false);
    if (loss == 0 || row.repeat.stoi.empty()) continue;
    // AMR's own concealment of a single lost frame is good: most of what is heard of it is the decoder finding its
    // way back in the next frames, and there we have nothing better (see README.md).
    const bool is_left_to_library = row.row.path.in.codec == CodecKind::kAmr && row.row.weather.burst_loss == 0;
    AddNotWorse("same seeds", row, "repeating 20 ms", row.repeat, false, is_left_to_library);
    if (loss < 0.03 || is_left_to_library) continue;
    const Estimate gain = PairedDifference(row.ours.stoi, row.library.stoi);
    Add("same seeds", row.row.name() + ": STOI clearly better than the library's concealment",
        Format("%+.4f +- %.4f", gain.mean, gain.half_width), gain.lower() > 0);
  }
}

void Checker::CheckDelays() {
  for (const RowResult& row : results_) {
    const Weather& weather = row.row.weather;
    if (weather.stall > base::TimeDelta()) continue;
    const bool is_leg = !row.row.path.out;
    if (is_leg && weather.jitter != JitterProfile::kNone && weather.loss == 0) {
      const int packet_ms = row.row.path.in.packet_ms;
      const double most_ms = std::max(row.arrival_p95_ms + packet_ms, row.fixed_delay_ms);
      Add("G-Q-05", row.row.name() + ": delay <= 95 % arrival + a packet, or a fixed one's for 1 % late",
          Format("%.1f ms, %.1f + %d, %.1f", row.delay_mean_ms, row.arrival_p95_ms, packet_ms, row.fixed_delay_ms),
          row.delay_mean_ms <= most_ms);
    }
    if (is_leg) {
      Add("G-Q-05", row.row.name() + ": concealed though not lost <= 1 %", Format("%.2f %%", row.late * 100),
          row.late <= 0.01);
    }
    if (row.row.path.name() == "opus" && weather.jitter == JitterProfile::kNone &&
        weather.loss + weather.burst_loss > 0) {
      Add("G-Q-02b", row.row.name() + ": delay <= 60 ms", Format("%.1f ms", row.delay_mean_ms),
          row.delay_mean_ms <= 60);
    }
    if (row.row.path.name() == "opus" && weather.name == "clean") {
      Add("G-Q-02b", row.row.name() + ": delay <= 40 ms", Format("%.1f ms", row.delay_mean_ms),
          row.delay_mean_ms <= 40);
    }
    if (!is_leg && weather.name == "clean") {
      const double encoder_ms =
          (laboratory_.LibraryDelaySeconds(row.row.path) - laboratory_.LibraryDelaySeconds({row.row.path.in, {}})) *
          1000;
      Add("G-Q-08", row.row.name() + ": packet in to packet out <= 25 ms + target",
          Format("%.1f ms + encoder's %.1f, target %.1f", row.delay_mean_ms, encoder_ms, row.target_delay_ms),
          row.delay_mean_ms + encoder_ms <= 25 + row.target_delay_ms);
    }
  }
}

void Checker::CheckEvents() {
  for (const RowResult& row : results_) {
    const Weather& weather = row.row.weather;
    if (weather.stall == base::TimeDelta()) continue;
    Weather calm = weather;
    calm.stall = base::TimeDelta();
    if (weather.stall < base::TimeDelta::Seconds(1)) {
      Add("stall", row.row.name() + ": delay back within 20 ms in 2 s", Format("%.0f ms", row.recovery_ms),
          row.recovery_ms <= 2000);
      continue;
    }
    Add("G-Q-06", row.row.name() + ": speech back in 100 ms", Format("%.0f ms", row.speech_back_ms),
        row.speech_back_ms <= 100);
    const auto before = std::ranges::find_if(results_, [&](const RowResult& other) {
      return other.row.path.name() == row.row.path.name() && other.row.weather.drift == weather.drift &&
             (other.row.weather.drift != 0 || other.row.weather.name == "clean");
    });
    if (before == results_.end() || before->row.weather.stall > base::TimeDelta()) continue;
    const double change_ms = row.delay_mean_ms - before->delay_mean_ms;
    Add("G-Q-06", row.row.name() + ": delay within 40 ms of the one without freeze", Format("%+.1f ms", change_ms),
        std::abs(change_ms) <= 40);
  }
}

void Checker::CheckCpu() {
  Weather rough;
  rough.loss = 0.1;
  rough.drift = 0.1;
  for (const CallPath& path :
       {CallPath{kOpus, {}}, CallPath{kAmrWb2385, {}}, CallPath{kOpus, kAmrWb2385}, CallPath{kAmrWb2385, kOpus}}) {
    if (Find(path, "clean") == nullptr) continue;
    const double ratio = CpuRatio(laboratory_, path, rough, {});
    Add("G-Q-07", path.name() + ": CPU at 10 % loss and 10 % drift <= 1.3 x clean", Format("%.2f x", ratio),
        ratio <= 1.3);
  }
}

void Checker::CheckDiscipline() {
  for (const RowResult& row : results_) {
    if (row.row.weather.name != "clean") continue;
    Add("G-Q-09", row.row.name() + ": nothing inserted, at most 0.3 % removed",
        Format("%.3f %%, %.3f %%", row.inserted * 100, row.removed * 100), row.inserted == 0 && row.removed <= 0.003);
  }
}

}  // namespace

std::vector<Check> CheckTargets(Laboratory& laboratory, const std::vector<RowResult>& results,
                                const Settings& settings) {
  return Checker(laboratory, results, settings).Run();
}

}  // namespace byon::quality
