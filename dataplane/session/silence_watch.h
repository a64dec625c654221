#pragma once

#include <optional>

#include "dataplane/base/time.h"

namespace byon::session {

// Tells when a leg that expects media has been silent for its timeout, and again each timeout after.
class SilenceWatch {
 public:
  explicit SilenceWatch(base::TimeDelta timeout) : timeout_(timeout) {}

  // Media is expected, or not, from now on. Silence counts from the start of the expectation.
  void SetExpected(bool is_expected, base::Timestamp now) {
    if (!is_expected) {
      silent_since_.reset();
    } else if (!silent_since_) {
      OnMedia(now);
    }
  }
  void OnMedia(base::Timestamp now) {
    silent_since_ = now;
    next_report_ = now + timeout_;
  }
  // How long the leg has been silent, when it is time to tell.
  std::optional<base::TimeDelta> Check(base::Timestamp now) {
    if (!silent_since_ || now < next_report_) return std::nullopt;
    next_report_ = now + timeout_;
    return now - *silent_since_;
  }

 private:
  base::TimeDelta timeout_;
  std::optional<base::Timestamp> silent_since_;
  base::Timestamp next_report_;
};

}  // namespace byon::session
