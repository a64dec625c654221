#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace byon::base {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view AsText(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Reads network-order integers from the front of a byte span. A read past the end returns zero and
// makes ok() false for good, so a parser may read a whole header and test once.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  uint8_t ReadU8() { return static_cast<uint8_t>(ReadInteger(1)); }
  uint16_t ReadU16() { return static_cast<uint16_t>(ReadInteger(2)); }
  uint32_t ReadU24() { return static_cast<uint32_t>(ReadInteger(3)); }
  uint32_t ReadU32() { return static_cast<uint32_t>(ReadInteger(4)); }
  uint64_t ReadU64() { return ReadInteger(8); }

  // The next `count` bytes, or an empty span (and !ok()) when fewer are left.
  ByteSpan ReadBytes(size_t count) {
    if (count > remaining()) return Fail(), ByteSpan();
    ByteSpan result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }
  void Skip(size_t count) { (void)ReadBytes(count); }

  [[nodiscard]] bool ok() const { return ok_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  ByteSpan rest() const { return bytes_.subspan(position_); }

 private:
  uint64_t ReadInteger(size_t width) {
    if (width > remaining()) return Fail(), uint64_t{0};
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      value = value << 8 | std::to_integer<uint64_t>(bytes_[position_ + i]);
    }
    position_ += width;
    return value;
  }
  void Fail() {
    ok_ = false;
    position_ = bytes_.size();
  }

  ByteSpan bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

// Writes network-order integers into a caller's buffer. A write that does not fit is dropped whole
// and makes ok() false for good.
class ByteWriter {
 public:
  explicit ByteWriter(MutableByteSpan buffer) : buffer_(buffer) {}

  void WriteU8(uint8_t value) { WriteInteger(value, 1); }
  void WriteU16(uint16_t value) { WriteInteger(value, 2); }
  void WriteU24(uint32_t value) { WriteInteger(value, 3); }
  void WriteU32(uint32_t value) { WriteInteger(value, 4); }
  void WriteU64(uint64_t value) { WriteInteger(value, 8); }
  void WriteBytes(ByteSpan bytes) {
    if (!Reserve(bytes.size()) || bytes.empty()) return;
    std::memcpy(buffer_.data() + position_, bytes.data(), bytes.size());
    position_ += bytes.size();
  }
  void WriteZeros(size_t count) {
    if (!Reserve(count) || count == 0) return;
    std::memset(buffer_.data() + position_, 0, count);
    position_ += count;
  }
  // Overwrites two bytes already written at `offset`, for lengths known only afterwards.
  void PatchU16(size_t offset, uint16_t value) {
    if (offset + 2 > position_) return;
    buffer_[offset] = static_cast<std::byte>(value >> 8);
    buffer_[offset + 1] = static_cast<std::byte>(value & 0xff);
  }

  [[nodiscard]] bool ok() const { return ok_; }
  size_t size() const { return position_; }
  ByteSpan written() const { return buffer_.first(position_); }

 private:
  bool Reserve(size_t count) {
    if (count > buffer_.size() - position_) ok_ = false;
    return ok_;
  }
  void WriteInteger(uint64_t value, size_t width) {
    if (!Reserve(width)) return;
    for (size_t i = 0; i < width; ++i) {
      buffer_[position_ + i] = static_cast<std::byte>(value >> (8 * (width - 1 - i)) & 0xff);
    }
    position_ += width;
  }

  MutableByteSpan buffer_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace byon::base
