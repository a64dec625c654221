#include "controlplane/metrics/metric_set.h"

#include <gtest/gtest.h>

namespace byon::metrics {
namespace {

TEST(MetricSetTest, EndsEvenWhenThereIsNothing) { EXPECT_EQ(MetricSet().ToOpenMetrics(), "# EOF\n"); }

// OpenMetrics 1.0: a family stands together, whoever added its samples; counters end in _total, their family does not.
TEST(MetricSetTest, KeepsAFamilyTogether) {
  MetricSet set;
  set.Counter("byon_calls_started", "Calls.", {{"operator", "north"}}, 18'446'744'073'709'551'615u);
  set.Gauge("byon_calls", "Calls now.", {{"operator", "north"}}, 2);
  set.Counter("byon_calls_started", "Something else.", With({{"operator", "south"}}, "status", "200"), 0);
  set.Gauge("byon_load", "Share.", {}, 0.5);
  EXPECT_EQ(set.ToOpenMetrics(),
            "# TYPE byon_calls gauge\n# HELP byon_calls Calls now.\nbyon_calls{operator=\"north\"} 2\n"
            "# TYPE byon_calls_started counter\n# HELP byon_calls_started Calls.\n"
            "byon_calls_started_total{operator=\"north\"} 18446744073709551615\n"
            "byon_calls_started_total{operator=\"south\",status=\"200\"} 0\n"
            "# TYPE byon_load gauge\n# HELP byon_load Share.\nbyon_load 0.5\n# EOF\n");
}

// Buckets count all below their bound; the sum is in the unit of the name.
TEST(MetricSetTest, WritesHistograms) {
  MetricSet set;
  const std::vector<double> bounds = {0.005, 0.1, 2};
  const std::vector<uint64_t> counts = {1, 0, 4, 2};
  set.Histogram("byon_wait_seconds", "Waiting.", {{"method", "INVITE"}}, bounds, counts, 12.5);
  EXPECT_EQ(set.ToOpenMetrics(),
            "# TYPE byon_wait_seconds histogram\n# HELP byon_wait_seconds Waiting.\n"
            "byon_wait_seconds_bucket{method=\"INVITE\",le=\"0.005\"} "
            "1\nbyon_wait_seconds_bucket{method=\"INVITE\",le=\"0.1\"} 1\n"
            "byon_wait_seconds_bucket{method=\"INVITE\",le=\"2\"} "
            "5\nbyon_wait_seconds_bucket{method=\"INVITE\",le=\"+Inf\"} 7\n"
            "byon_wait_seconds_count{method=\"INVITE\"} 7\nbyon_wait_seconds_sum{method=\"INVITE\"} 12.5\n# EOF\n");
}

// A node's name is what its configuration says: it must not end a line or a label.
TEST(MetricSetTest, EscapesWhatOthersNamed) {
  MetricSet set;
  set.Gauge("byon_up", "One\nline.", {{"node", "a\"b\\c\n# EOF"}}, 1);
  EXPECT_EQ(set.ToOpenMetrics(),
            "# TYPE byon_up gauge\n# HELP byon_up One\\nline.\nbyon_up{node=\"a\\\"b\\\\c\\n# EOF\"} 1\n# EOF\n");
}

}  // namespace
}  // namespace byon::metrics
