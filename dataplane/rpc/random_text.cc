#include "dataplane/rpc/random_text.h"

#include <sys/random.h>

#include <string_view>

#include "dataplane/base/check.h"

namespace byon::rpc {
namespace {

void Fill(void* bytes, size_t size) {
  // Up to 256 bytes come whole once the kernel's pool is initialised.
  BYON_CHECK(size <= 256 && getrandom(bytes, size, 0) == static_cast<ssize_t>(size), "the kernel gives randomness");
}

}  // namespace

std::string RandomText(size_t length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text(length, '\0');
  Fill(text.data(), length);
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) & 63u];
  return text;
}

uint64_t RandomU64() {
  uint64_t value = 0;
  Fill(&value, sizeof(value));
  return value;
}

uint32_t RandomSsrc() {
  uint32_t ssrc = 0;
  while (ssrc == 0) ssrc = static_cast<uint32_t>(RandomU64());
  return ssrc;
}

}  // namespace byon::rpc
