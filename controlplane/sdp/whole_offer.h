#pragma once

#include "controlplane/sdp/media_types.h"

namespace byon::sdp {

// What is offered in mid-call to whoever asks for an offer: all of `everything` (a first offer of ours), with what is
// `in_use` in front. The network may be about to put somebody into the call who knows other codecs (RFC 3261
// section 14.2). A payload type in use keeps its meaning (RFC 3264 section 8.3.2); another codec that would have it
// gets a free one of 96 to 127.
[[nodiscard]] AudioFormat WholeOffer(const AudioFormat& everything, const AudioFormat& in_use);

}  // namespace byon::sdp
