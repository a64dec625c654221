#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/codec_format.h"

namespace byon::codec {

// What a payload holds, found without decoding it.
struct PayloadDescription {
  uint32_t duration = 0;  // in units of the RTP clock
  // Neither speech nor other audio that would be missed: comfort noise parameters or nothing. After it
  // a gap in the timestamps is silence, not loss.
  bool is_dtx = false;
  bool has_redundancy = false;                // of the packet before it: DecodeRedundancy() is of use
  std::optional<uint8_t> codec_mode_request;  // AMR: a CMR that names a mode
  int amr_mode = -1;                          // AMR: of the last speech frame; -1 for none
};

// Nothing when the payload format forbids the payload. `is_octet_aligned` is read for AMR and AMR-WB.
std::optional<PayloadDescription> DescribePayload(Codec codec, bool is_octet_aligned, base::ByteSpan payload);

}  // namespace byon::codec
