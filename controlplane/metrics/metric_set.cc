#include "controlplane/metrics/metric_set.h"

#include <array>
#include <charconv>
#include <cmath>

namespace byon::metrics {
namespace {

// OpenMetrics 1.0, "escaped-string": backslash, quote and line feed; help texts likewise.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // The shortest text that is read as the same number: bounds of buckets are compared as texts.
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string LabelText(const Labels& labels) {
  if (labels.empty()) return "";
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ',';
    text += name + "=\"" + Escaped(value) + '"';
  }
  return text + '}';
}

}  // namespace

void MetricSet::Gauge(std::string_view name, std::string_view help, Labels labels, double value) {
  FamilyOf(name, "gauge", help).samples.push_back({"", std::move(labels), NumberText(value)});
}

void MetricSet::Counter(std::string_view name, std::string_view help, Labels labels, uint64_t value) {
  FamilyOf(name, "counter", help).samples.push_back({"_total", std::move(labels), std::to_string(value)});
}

void MetricSet::Histogram(std::string_view name, std::string_view help, Labels labels, std::span<const double> bounds,
                          std::span<const uint64_t> counts, double sum) {
  Family& family = FamilyOf(name, "histogram", help);
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? NumberText(bounds[i]) : "+Inf";
    family.samples.push_back({"_bucket", With(labels, "le", bound), std::to_string(total)});
  }
  family.samples.push_back({"_count", labels, std::to_string(total)});
  family.samples.push_back({"_sum", std::move(labels), NumberText(sum)});
}

MetricSet::Family& MetricSet::FamilyOf(std::string_view name, std::string_view type, std::string_view help) {
  auto it = families_.find(name);
  if (it == families_.end()) it = families_.emplace(std::string(name), Family{type, std::string(help), {}}).first;
  return it->second;
}

std::string MetricSet::ToOpenMetrics() const {
  std::string text;
  for (const auto& [name, family] : families_) {
    text += "# TYPE " + name + ' ';
    text.append(family.type) += '\n';
    text += "# HELP " + name + ' ' + Escaped(family.help) + '\n';
    for (const Sample& sample : family.samples) {
      (text += name).append(sample.suffix) += LabelText(sample.labels) + ' ' + sample.value + '\n';
    }
  }
  return text + "# EOF\n";
}

Labels With(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

}  // namespace byon::metrics
