#pragma once

#include <cstdint>
#include <map>
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
  // Something that goes up and down. `name`: [a-z_]+ with its unit at the end; `help`: one sentence, that of the first wins.
  void Gauge(std::string_view name, std::string_view help, Labels labels, double value);
  // Something that only grows while the process lives. `name` without "_total".
  void Counter(std::string_view name, std::string_view help, Labels labels, uint64_t value);

  // OpenMetrics 1.0 text, end mark included.
  std::string ToOpenMetrics() const;

 private:
  struct Family {
    bool is_counter = false;
    std::string help;
    std::vector<std::pair<Labels, std::string>> samples;
  };
  void Add(std::string_view name, bool is_counter, std::string_view help, Labels labels, std::string value);

  std::map<std::string, Family, std::less<>> families_;
};

// `labels` and more.
Labels With(Labels labels, std::string name, std::string value);

}  // namespace byon::metrics
