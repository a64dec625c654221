#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "controlplane/api/operations/call_reader.h"
#include "controlplane/api/operations/click_to_call_api.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/call/address.h"
#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/json/strict_json.h"
#include "controlplane/xml/xml_scanner.h"

// Bodies of webrtc-call-handling in every dialect: what is read without a mistake keeps the schema's promises.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::api;
  const auto body = byon::json::ParseStrict({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  Mistakes of_visitor;
  const auto visitor = ReadVisitorCallRequest(*body, Dialect{Release::kR3_1, Strictness::kStrict}, of_visitor);
  if (of_visitor.empty() &&
      (visitor.offer_sdp.empty() || !IsCallAddress(visitor.receiver_address.value_or("tel:+34600000001"))))
    __builtin_trap();
  Mistakes of_token;
  const auto token = ReadTokenRequest(*body, of_token);
  if (of_token.empty() && (!IsPlainText(token.originator_name) || token.calls == 0)) __builtin_trap();
  for (const Release release : {Release::kR2_2, Release::kR3_1}) {
    for (const Strictness strictness : {Strictness::kStrict, Strictness::kCompat}) {
      const Dialect dialect{release, strictness};
      Mistakes mistakes{dialect.ignores_unknown_members(), ""};
      const auto call = ReadCallRequest(
          *body, dialect, [](const std::string& address) { return byon::call::IsEmergencyAddress(address, {"1"}); },
          mistakes);
      // Calls for help go before every rule of form, but no address ends its line.
      const bool is_for_help = byon::call::IsEmergencyAddress(call.receiver_address, {"1"});
      if (mistakes.empty() && !IsCallAddress(call.receiver_address) && !is_for_help) __builtin_trap();
      if (mistakes.empty() && !IsPlainText(call.receiver_address)) __builtin_trap();
      if (mistakes.empty()) {
        const std::string place = byon::emergency::BuildPidfLo(call.location, "sip:a@b", "urn:uuid:1", {});
        if (place.empty() != call.location.is_empty()) __builtin_trap();
        byon::xml::XmlScanner scanner(place);
        while (!place.empty()) {
          const auto kind = scanner.Next().kind;
          if (kind == byon::xml::XmlScanner::Kind::kError) __builtin_trap();
          if (kind == byon::xml::XmlScanner::Kind::kEnd) break;
        }
      }
      if (mistakes.empty() && release == Release::kR3_1 && call.offer_sdp.empty()) __builtin_trap();
      if (mistakes.empty() && (!IsPlainText(call.originator_name) || !IsPlainText(call.receiver_name)))
        __builtin_trap();
      Mistakes of_status{dialect.ignores_unknown_members(), ""};
      const auto status = ReadStatusRequest(*body, dialect, of_status);
      if (of_status.empty() && release == Release::kR3_1 && !status.status) __builtin_trap();
    }
  }
  return 0;
}
