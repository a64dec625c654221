#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace byon::http {

// How many bytes of request bodies may be in memory at a time, of one network and of all together: a body is taken
// before its token can be looked at, and waits with it where the identity provider is asked. Any thread.
class BodyBudget {
 public:
  enum class Verdict { kTaken, kNetworkIsFull, kAllIsFull };

  BodyBudget(size_t bytes, size_t bytes_per_network) : bytes_(bytes), bytes_per_network_(bytes_per_network) {}

  [[nodiscard]] Verdict Take(const std::string& network, size_t bytes);
  void GiveBack(const std::string& network, size_t bytes);
  size_t used() const;

 private:
  const size_t bytes_;
  const size_t bytes_per_network_;
  mutable std::mutex mutex_;
  size_t used_ = 0;
  std::unordered_map<std::string, size_t> by_network_;
};

// What one request's body takes of the budget; given back when the last who holds the share lets go of it.
class BodyShare {
 public:
  BodyShare(std::shared_ptr<BodyBudget> budget, std::string network)
      : budget_(std::move(budget)), network_(std::move(network)) {}
  ~BodyShare() { budget_->GiveBack(network_, bytes_); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // So many bytes more. One thread.
  [[nodiscard]] BodyBudget::Verdict Take(size_t bytes);

 private:
  const std::shared_ptr<BodyBudget> budget_;
  const std::string network_;
  size_t bytes_ = 0;
};

}  // namespace byon::http
