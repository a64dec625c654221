#include "controlplane/http/body_budget.h"

namespace byon::http {

BodyBudget::Verdict BodyBudget::Take(const std::string& network, size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto it = by_network_.find(network);
  const size_t of_network = it == by_network_.end() ? 0 : it->second;
  if (bytes > bytes_per_network_ - of_network) return Verdict::kNetworkIsFull;
  if (bytes > bytes_ - used_) return Verdict::kAllIsFull;
  used_ += bytes;
  by_network_[network] = of_network + bytes;
  return Verdict::kTaken;
}

void BodyBudget::GiveBack(const std::string& network, size_t bytes) {
  if (bytes == 0) return;
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
  const auto it = by_network_.find(network);
  it->second -= bytes;
  if (it->second == 0) by_network_.erase(it);
}

size_t BodyBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

BodyBudget::Verdict BodyShare::Take(size_t bytes) {
  const BodyBudget::Verdict verdict = budget_->Take(network_, bytes);
  if (verdict == BodyBudget::Verdict::kTaken) bytes_ += bytes;
  return verdict;
}

}  // namespace byon::http
