#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace byon::push {

// The content coding aes128gcm (RFC 8188): a header, then records of at most `record_size` bytes each.
class Aes128GcmEncoding {
 public:
  // `secret`: input keying material of any length; `salt`: 16 bytes that are never used again with it; `key_id`: up to
  // 255 bytes; `record_size`: of an encrypted record in bytes, 18 at least.
  Aes128GcmEncoding(std::string_view secret, std::string_view salt, std::string_view key_id, uint32_t record_size);

  // RFC 8188 section 2.1.
  std::string Header() const;
  // Record `sequence` (from 0) with `padding_bytes` of zeros. The text, its padding and 17 bytes more must fit the
  // record, and fill it unless it is the last. Section 2.
  std::string Record(uint64_t sequence, std::string_view text, size_t padding_bytes, bool is_last) const;

 private:
  const std::string salt_;
  const std::string key_id_;
  const uint32_t record_size_;
  std::string key_;
  std::string nonce_;
};

// HKDF with SHA-256 (RFC 5869).
std::string Hkdf(std::string_view salt, std::string_view secret, std::string_view label, size_t size);

}  // namespace byon::push
