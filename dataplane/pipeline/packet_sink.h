#pragma once

#include <cstddef>

#include "dataplane/base/bytes.h"

namespace byon::pipeline {

// Largest packet that a pipeline writes: RTP header and payload.
inline constexpr size_t kMaxPacketBytes = 1400;

// Where finished packets go. The sink owns the memory (a buffer of the packet I/O with room for SRTP).
class PacketSink {
 public:
  virtual ~PacketSink() = default;
  // Room for at least kMaxPacketBytes, or an empty span when there is none: the packet is dropped.
  virtual base::MutableByteSpan Reserve() = 0;
  // The first `size` bytes of what Reserve() gave last are one plain RTP packet.
  virtual void Commit(size_t size) = 0;
  // What Reserve() gave last is not used.
  virtual void Abandon() = 0;
};

}  // namespace byon::pipeline
