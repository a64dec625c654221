#include <span>

#include "dataplane/rtp/red_payload.h"

// What is accepted is the whole payload: headers, copies and primary follow each other without a gap.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto red = rtp::RedPayloadView::Parse(bytes);
  if (!red) return 0;
  if (red->redundant().size() >= rtp::kMaxRedBlocks) __builtin_trap();
  size_t position = 4 * red->redundant().size() + 1;
  unsigned last_offset = 0x4000;
  for (const rtp::RedBlock& block : red->redundant()) {
    if (block.payload.data() != bytes.data() + position) __builtin_trap();
    if (block.timestamp_offset > last_offset) __builtin_trap();
    last_offset = block.timestamp_offset;
    position += block.payload.size();
  }
  position += red->primary().payload.size();
  if (position != size || red->primary().timestamp_offset != 0) __builtin_trap();
  return 0;
}
