#pragma once

#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// Clean refusals of what we do not do; each is counted.

// 405, 403, 489, 469, 481 or 501 by method.
void RefuseMethod(ShardContext& context, ServerTransaction& transaction, const MessageView& request);
// 415 with Accept where its body has something that must be understood and is not, 400 where it cannot be taken apart.
[[nodiscard]] bool RefuseBody(ShardContext& context, ServerTransaction& transaction, const MessageView& request);
// What calls may carry, in Accept.
inline constexpr const char* kAcceptedBodies =
    "application/sdp, multipart/mixed, multipart/related, multipart/alternative";
// For the user part of a Contact that is not registered: 480 where it may have been one of ours, since the caller's
// other devices are no unknown number (RFC 3261 section 16.7 step 6 takes the lowest answer of a fork); else 404.
int StatusOfUnknownToken(std::string_view token);
void RefuseSmallInterval(ShardContext& context, ServerTransaction& transaction);  // 422 and Min-SE
// The Warning of a 488: what was offered is not what we can do (RFC 3261 section 20.43).
std::string MediaWarning(const ShardContext& context);
void RefuseNoDialog(ShardContext& context, ServerTransaction& transaction);  // 481
// With Retry-After: 1. `status`: 503 holds back whatever a peer has for this address, 480 a call to one number, 500 one
// request.
void RefuseUntilRestored(ShardContext& context, ServerTransaction& transaction, int status);

// 483, 420 or 416 where a request asks for it; true when it has been answered.
bool RefuseUnprocessable(ShardContext& context, ServerTransaction& transaction, const MessageView& request);
// 200 with our capabilities.
void AnswerOptions(ShardContext& context, ServerTransaction& transaction);

// An emergency service calls back (RFC 7090).
[[nodiscard]] bool IsPsapCallback(const MessageView& request);

// The option tags that may stand in Require.
bool IsSupportedExtension(const SipConfig& config, std::string_view option_tag);
// The value of Supported.
std::string SupportedExtensions(const SipConfig& config, bool has_preconditions);
// Supported, and Require where something is: `required` besides what the description `sdp` of the message needs (RFC
// 3312 section 11). `may_require_preconditions`: the peer knows the option tag.
void AddExtensions(std::string& headers, const SipConfig& config, std::string_view sdp, bool may_require_preconditions,
                   std::string required = {});
// And of Allow: of a message that is itself within a dialog what may come there, which messages may not.
std::string AllowedMethods(const SipConfig& config, bool is_within_dialog = false);

}  // namespace byon::sip
