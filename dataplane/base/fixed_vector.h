#pragma once

#include <array>
#include <cstddef>
#include <utility>

namespace byon::base {

// A vector of at most kCapacity elements that never touches the heap.
template <typename T, size_t kCapacity>
class FixedVector {
 public:
  // False, with nothing added, when full.
  bool PushBack(T value) {
    if (size_ == kCapacity) return false;
    items_[size_++] = std::move(value);
    return true;
  }
  void PopBack() { --size_; }
  void Clear() { size_ = 0; }
  // Removes element `index`, keeping the order of the others.
  void Erase(size_t index) {
    for (size_t i = index + 1; i < size_; ++i) items_[i - 1] = std::move(items_[i]);
    --size_;
  }

  static constexpr size_t capacity() { return kCapacity; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }
  T& back() { return items_[size_ - 1]; }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }

 private:
  size_t size_ = 0;  // beside the first items: most vectors are short
  std::array<T, kCapacity> items_{};
};

}  // namespace byon::base
