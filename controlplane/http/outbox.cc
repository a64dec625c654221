#include "controlplane/http/outbox.h"

#include <utility>

namespace byon::http {

void Outbox::Push(Outgoing outgoing) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return;
  waiting_.push_back(std::move(outgoing));
  if (waiting_.size() == 1) wake_();
}

std::vector<Outgoing> Outbox::TakeAll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void Outbox::Close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  waiting_.clear();
}

}  // namespace byon::http
