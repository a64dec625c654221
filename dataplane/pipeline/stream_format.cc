#include "dataplane/pipeline/stream_format.h"

#include <algorithm>

namespace byon::pipeline {

bool StreamFormat::operator==(const StreamFormat& other) const {
  return codec == other.codec && payload_type == other.payload_type && red_payload_type == other.red_payload_type &&
         std::ranges::equal(telephone_events, other.telephone_events);
}

}  // namespace byon::pipeline
