#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::metrics {

// Names and values of one sample, in the order in which they are shown.
using Labels = std::vector<std::pair<std::string, std::string>>;

// What is measured at one moment, by name. Samples of one name may come from several places: they are kept together, as
// the format demands.
class MetricSet {
 public:
  // Something that goes up and down. `name`: [a-z_]+ with its unit at the end; `help`: one sentence, that of the first
  // wins.
  void Gauge(std::string_view name, std::string_view help, Labels labels, double value);
  // Something that only grows while the process lives. `name` without "_total".
  void Counter(std::string_view name, std::string_view help, Labels labels, uint64_t value);
  // How often something took how long. `counts`: of each bucket alone; one more than `bounds`, which are upper ones and
  // rise. `name` with its unit at the end, in which `bounds` and `sum` are.
  void Histogram(std::string_view name, std::string_view help, Labels labels, std::span<const double> bounds,
                 std::span<const uint64_t> counts, double sum);

  // OpenMetrics 1.0 text, end mark included.
  std::string ToOpenMetrics() const;

 private:
  struct Sample {
    std::string_view suffix;
    Labels labels;
    std::string value;
  };
  struct Family {
    std::string_view type;
    std::string help;
    std::vector<Sample> samples;
  };
  Family& FamilyOf(std::string_view name, std::string_view type, std::string_view help);

  std::map<std::string, Family, std::less<>> families_;
};

// `labels` and more.
Labels With(Labels labels, std::string name, std::string value);

}  // namespace byon::metrics
