#include <cstdlib>
#include <string_view>

#include "controlplane/http/request_target.h"

// However a request line is cut, its target is judged the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using byon::http::RequestTarget;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  RequestTarget whole, pieces;
  const RequestTarget::Verdict verdict = whole.Take(line);
  RequestTarget::Verdict of_pieces = RequestTarget::Verdict::kMore;
  for (const char& byte : line) of_pieces = pieces.Take({&byte, 1});
  if (verdict != of_pieces) std::abort();
  return 0;
}
