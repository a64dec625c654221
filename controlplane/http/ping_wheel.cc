#include "controlplane/http/ping_wheel.h"

#include <algorithm>
#include <utility>

namespace byon::http {
namespace {
constexpr std::chrono::seconds kTurn{1};
constexpr int kPingsBeforeHangUp = 2;
}  // namespace

PingWheel::PingWheel(std::chrono::seconds interval, std::chrono::seconds hang_up, Time start)
    : interval_(std::max(interval, kTurn)),
      hang_up_(std::max(hang_up, kPingsBeforeHangUp * interval_ + kTurn)),
      turned_at_(start),
      turns_(static_cast<size_t>(interval_.count()) + 1) {}

void PingWheel::Add(uint64_t id) {
  const size_t whole = turns_.size() - 1;
  const size_t half = (whole + 1) / 2;
  Place(id, half + next_spread_++ % (whole - half + 1));
}

void PingWheel::Place(uint64_t id, size_t turns_ahead) {
  turns_[(current_ + std::clamp<size_t>(turns_ahead, 1, turns_.size() - 1)) % turns_.size()].push_back(id);
}

PingWheel::Due PingWheel::Advance(Time now, const HeardAt& heard_at) {
  Due due;
  while (turned_at_ + kTurn <= now) {
    turned_at_ += kTurn;
    current_ = (current_ + 1) % turns_.size();
    for (const uint64_t id : std::exchange(turns_[current_], {})) {
      const std::optional<Time> heard = heard_at(id);
      if (!heard) continue;
      const auto silence = now - *heard;
      if (silence >= hang_up_) {
        due.to_close.push_back(id);
        continue;
      }
      if (silence >= interval_ / 2) due.to_ping.push_back(id);
      const auto patience = std::chrono::ceil<std::chrono::seconds>(hang_up_ - silence);
      Place(id, static_cast<size_t>(std::min(interval_, patience).count()));
    }
  }
  return due;
}

}  // namespace byon::http
