#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace byon::web_sip {

// Why something of a client was dropped or refused, and what became of the rest.
enum class Counter : uint8_t {
  kMalformed,             // no SIP message: dropped, the connection ends
  kBadRequest,            // 400, 416
  kBadVersion,            // no answer is possible in another version: dropped
  kBadExtension,          // 420
  kBadBody,               // 415, 488
  kTooManyHops,           // 483
  kLoop,                  // 482: a Via of ours
  kNoDialog,              // 481: unknown, or somebody else's
  kMethodNotAllowed,      // 405
  kChallenged,            // 401 to a request without credentials
  kBadCredentials,        // 401 to wrong, expired or foreign ones
  kForbidden,             // 403: other number, other user, missing scope
  kUnknownDomain,         // 404
  kNotRegistered,         // 403 to a call before any registration on this connection
  kHelpRefused,           // told to take the phone
  kTooManyRegistrations,  // of one connection, or the gateway's own limits
  kIntervalTooBrief,      // 422, 423
  kOldSequence,           // 500: CSeq out of order
  kGlare,                 // 491, 500: an earlier change of the session is under way
  kRateLimited,           // connection closed, or 503
  kTooManyTransactions,   // 503
  kUnmatchedResponse,
  kUnmatchedAck,
  kTransactionTimeout,  // the client did not answer
  kAckTimeout,
  kSessionExpired,  // RFC 4028
  kIdleConnection,  // nobody registered in time
  // What went well.
  kRegistered,
  kCallFromClient,
  kCallToClient,
  kMessageFromClient,
  kMessageToClient,
  kCount,
};

// snake_case, e.g. "no_dialog".
std::string_view ToString(Counter counter);

// On the strand only.
class Counters {
 public:
  void Add(Counter counter) { ++values_[static_cast<size_t>(counter)]; }
  uint64_t Get(Counter counter) const { return values_[static_cast<size_t>(counter)]; }
  // Those that have grown since the last call, with their totals, e.g. "challenged=12 registered=7"; empty: none.
  std::string TakeChanges();

 private:
  using Values = std::array<uint64_t, static_cast<size_t>(Counter::kCount)>;
  Values values_{};
  Values told_{};
};

}  // namespace byon::web_sip
