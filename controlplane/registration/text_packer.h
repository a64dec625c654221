#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace byon::registration {

// Instead of a text that is at rest: enough to find the few that may be meant; the texts decide.
using TextHash = uint32_t;
TextHash HashOfText(std::string_view text);

// Gives a block back to where it came from.
struct FreePacked {
  std::pmr::memory_resource* pool = nullptr;
  void operator()(std::byte* block) const;
};

// A list of texts at rest: one block of memory. Made and read by the same TextPacker, which outlives it.
class PackedTexts {
 public:
  PackedTexts() = default;
  bool is_empty() const { return block_ == nullptr; }
  size_t size_bytes() const;  // of the block

 private:
  friend class TextPacker;
  std::unique_ptr<std::byte[], FreePacked> block_;
};

// Makes texts small that are much the same from record to record: the first records show what they have in common, and
// later ones are compressed against it (zstd with a dictionary). Any texts come back as they were, also those that are
// like no other. One thread.
class TextPacker {
 public:
  // So many records are looked at; they themselves stay as they are.
  static constexpr size_t kSamples = 256;

  TextPacker();
  ~TextPacker();
  TextPacker(const TextPacker&) = delete;
  TextPacker& operator=(const TextPacker&) = delete;

  [[nodiscard]] PackedTexts Pack(std::span<const std::string_view> texts);
  [[nodiscard]] std::vector<std::string> Unpack(const PackedTexts& packed) const;

 private:
  class Zstd;

  void Learn(std::string_view plain);

  // Of their own, away from what comes and goes: a page that holds blocks holds nothing else.
  std::pmr::unsynchronized_pool_resource pool_;
  std::string samples_;
  std::vector<size_t> sample_sizes_;
  std::unique_ptr<Zstd> zstd_;  // once enough has been seen
};

}  // namespace byon::registration
