#include "controlplane/push/provider.h"

#include <algorithm>

namespace byon::push {

using http_client::Failure;
using http_client::Response;

std::string WordsOf(const http_client::Result& result) {
  if (const auto* failure = std::get_if<Failure>(&result)) return ToString(*failure);
  return "status " + std::to_string(std::get<Response>(result).status);
}

bool MayRetry(const http_client::Result& result) {
  if (const auto* failure = std::get_if<Failure>(&result)) {
    return *failure != Failure::kBadUrl && *failure != Failure::kRefusedAddress;
  }
  const int status = std::get<Response>(result).status;
  return status >= 500 || status == 408 || status == 429;
}

Outcome RetryOf(const http_client::Result& result) {
  const auto* response = std::get_if<Response>(&result);
  return {Verdict::kRetry, response == nullptr ? std::chrono::seconds(0) : response->retry_after, WordsOf(result)};
}

std::chrono::seconds SecondsUntil(WallTime then, WallTime now) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(then - now), std::chrono::seconds(0));
}

}  // namespace byon::push
