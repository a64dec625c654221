#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace byon::base {

// A bounded queue between exactly one producer thread and one consumer thread: the mailbox between
// a worker and the control threads. Capacity is a power of two and is allocated at construction.
template <typename T, size_t kCapacity>
class SpscRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "capacity is a power of two");

 public:
  SpscRing() : slots_(std::make_unique<T[]>(kCapacity)) {}

  // False, with `value` untouched, when the ring is full.
  [[nodiscard]] bool Push(T&& value) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return false;
    slots_[tail & (kCapacity - 1)] = std::move(value);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  [[nodiscard]] std::optional<T> Pop() {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
    std::optional<T> value(std::move(slots_[head & (kCapacity - 1)]));
    head_.store(head + 1, std::memory_order_release);
    return value;
  }
  bool IsEmpty() const { return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire); }

 private:
  alignas(64) std::atomic<size_t> head_{0};
  alignas(64) std::atomic<size_t> tail_{0};
  std::unique_ptr<T[]> slots_;
};

}  // namespace byon::base
