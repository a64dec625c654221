#include "controlplane/metrics/metric_set.h"

#include <cmath>
#include <cstdio>

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
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
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
  Add(name, false, help, std::move(labels), NumberText(value));
}

void MetricSet::Counter(std::string_view name, std::string_view help, Labels labels, uint64_t value) {
  Add(name, true, help, std::move(labels), std::to_string(value));
}

void MetricSet::Add(std::string_view name, bool is_counter, std::string_view help, Labels labels, std::string value) {
  auto it = families_.find(name);
  if (it == families_.end()) it = families_.emplace(std::string(name), Family{is_counter, std::string(help), {}}).first;
  it->second.samples.emplace_back(std::move(labels), std::move(value));
}

std::string MetricSet::ToOpenMetrics() const {
  std::string text;
  for (const auto& [name, family] : families_) {
    text += "# TYPE " + name + (family.is_counter ? " counter\n" : " gauge\n");
    text += "# HELP " + name + ' ' + Escaped(family.help) + '\n';
    for (const auto& [labels, value] : family.samples) {
      text += name + (family.is_counter ? "_total" : "") + LabelText(labels) + ' ' + value + '\n';
    }
  }
  return text + "# EOF\n";
}

Labels With(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

}  // namespace byon::metrics
