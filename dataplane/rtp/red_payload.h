#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

// Blocks of one packet, the primary one included. Browsers send two or three; more than this repeats
// audio of so long ago that nobody waits for it.
inline constexpr size_t kMaxRedBlocks = 8;

// One encoding in a redundant payload, over bytes the view does not own.
struct RedBlock {
  PayloadType payload_type;
  uint16_t timestamp_offset = 0;  // clock units before the packet's own timestamp; 0 for the primary
  base::ByteSpan payload;         // may be empty: a redundant encoding that was left out
};

// A checked payload of "audio/red" (RFC 2198 section 3): copies of earlier packets and, last, the packet's
// own audio.
class RedPayloadView {
 public:
  // Nothing when a header or a block runs past the end, when there are more than kMaxRedBlocks, or when
  // the blocks are not in the order of time.
  static std::optional<RedPayloadView> Parse(base::ByteSpan payload);

  const RedBlock& primary() const { return blocks_[blocks_.size() - 1]; }
  // The others, in the order of the packet: the oldest first.
  std::span<const RedBlock> redundant() const { return {blocks_.begin(), blocks_.size() - 1}; }

 private:
  base::FixedVector<RedBlock, kMaxRedBlocks> blocks_;
};

}  // namespace byon::rtp
