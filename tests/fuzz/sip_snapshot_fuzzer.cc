#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/dialog_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto state = byon::sip::ParseDialog({reinterpret_cast<const char*>(data), size});
  if (!state) return 0;
  // What was read once reads the same again; reading moves the CSeq ahead.
  const byon::sip::DialogState first = *state;
  state->local_cseq -= 1000;
  if (byon::sip::ParseDialog(byon::sip::SerializeDialog(*state)) != first) __builtin_trap();
  return 0;
}
