#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/call/address.h"
#include "controlplane/sip/text/refer_to.h"
#include "controlplane/sip/text/replaces.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto refer = byon::sip::ParseReferTo({reinterpret_cast<const char*>(data), size});
  if (!refer) return 0;
  // What is taken can be written into a message of ours, and reads the same there.
  if (refer->replaces) {
    const auto text = byon::sip::FormatReplaces(*refer->replaces);
    const auto again = text ? byon::sip::ParseReplaces(*text) : std::nullopt;
    if (!again || again->call_id != refer->replaces->call_id || again->local_tag != refer->replaces->to_tag)
      __builtin_trap();
    const auto written = byon::sip::ParseReferTo(byon::sip::FormatReferTo("sip:a@b.example", {{"Replaces", *text}}));
    if (!written || written->replaces != refer->replaces) __builtin_trap();
  }
  const auto target = byon::call::ReferTargetOf(refer->uri);
  if (target && target->find_first_of(" \r\n<>\"?,") != std::string::npos) __builtin_trap();
  return 0;
}
