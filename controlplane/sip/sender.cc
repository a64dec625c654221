#include "controlplane/sip/sender.h"

#include "controlplane/call/address.h"
#include "controlplane/sip/text/verstat.h"

namespace byon::sip {
namespace {

bool IsWithheld(const MessageView& request) {
  for (const std::string& value : request.Headers("Privacy")) {
    for (std::string_view item(value); !item.empty();) {
      const size_t semicolon = item.find(';');
      const std::string_view token = item.substr(0, semicolon);
      for (const char* hiding : {"id", "user", "header"}) {
        if (EqualsIgnoringCase(token, hiding)) return true;
      }
      item = semicolon == std::string_view::npos ? "" : item.substr(semicolon + 1);
    }
  }
  return false;
}

}  // namespace

std::optional<call::Party> SenderOf(const MessageView& request, const SipConfig& config) {
  if (IsWithheld(request)) return std::nullopt;
  std::vector<std::string> named = request.Headers("P-Asserted-Identity");
  call::Party sender;
  sender.assurance.is_asserted = !named.empty();
  named.push_back(request.from());
  auto address = ParseNameAddr(named.front());
  if (!address) return std::nullopt;
  sender.uri = WithoutVerstat(address->uri);
  if (!IsSafeUri(sender.uri) || sender.uri.find("anonymous") != std::string::npos) return std::nullopt;
  if (IsSafeText(address->display_name)) sender.display_name = std::move(address->display_name);
  if (!config.believes_verstat) return sender;
  const auto number = call::PhoneNumberOf(sender.uri);
  for (const std::string& value : named) {
    const auto other = ParseNameAddr(value);
    if (!number || !other || call::PhoneNumberOf(other->uri) != number) continue;
    sender.assurance.number_check = LeastGood(sender.assurance.number_check, NumberCheckOf(other->uri));
  }
  return sender;
}

}  // namespace byon::sip
