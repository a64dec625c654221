#pragma once

#include <string>
#include <vector>

#include "controlplane/call/sip_signaling.h"

namespace byon::sip {

// Who sent a call on to us, the first who did so first, 8 at most: of History-Info (RFC 7044, with the causes of RFC
// 4458 as TS 24.604 uses them), else of Diversion (RFC 5806). Values that cannot be read are left out; who asked for
// privacy has no URI. `history_info` and `diversion`: the header values, in order.
[[nodiscard]] std::vector<call::Diversion> ReadDiversions(const std::vector<std::string>& history_info,
                                                          const std::vector<std::string>& diversion);
// To whom the last of them sent it, of History-Info; empty: nobody did, or it is withheld.
[[nodiscard]] std::string ReadDivertedTo(const std::vector<std::string>& history_info);

// The same written: one value a diversion, for the call that goes on to `target_uri`. A withheld party has no name in
// them.
[[nodiscard]] std::vector<std::string> FormatHistoryInfo(const std::vector<call::Diversion>& diversions,
                                                         const std::string& target_uri);
[[nodiscard]] std::vector<std::string> FormatDiversion(const std::vector<call::Diversion>& diversions);

}  // namespace byon::sip
