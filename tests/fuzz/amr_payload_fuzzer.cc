#include <array>
#include <span>

#include "dataplane/codec/amr_payload.h"

// The first octet chooses the codec and the alignment. What parses is written again and must parse to
// the same frames.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::codec;
  if (size == 0) return 0;
  const Codec codec = (data[0] & 1) != 0 ? Codec::kAmrWb : Codec::kAmr;
  const bool octet_align = (data[0] & 2) != 0;
  const auto payload = std::as_bytes(std::span(data, size)).subspan(1);
  const auto view = AmrPayloadView::Parse(codec, octet_align, payload);
  if (!view) return 0;
  std::array<AmrFrame, kMaxAmrFramesPerPacket> frames;
  const size_t count = view->table_of_contents().size();
  for (size_t i = 0; i < count; ++i) frames[i] = view->frame(i);
  std::array<std::byte, 1400> written;
  const size_t bytes = WriteAmrPayload(codec, octet_align, view->codec_mode_request().value_or(kNoModeRequest),
                                       std::span(frames).first(count), written);
  if (bytes != payload.size()) __builtin_trap();
  const auto again = AmrPayloadView::Parse(codec, octet_align, std::span(written).first(bytes));
  if (!again || again->table_of_contents().size() != count) __builtin_trap();
  for (size_t i = 0; i < count; ++i) {
    if (again->frame(i).bits != frames[i].bits) __builtin_trap();
  }
  return 0;
}
