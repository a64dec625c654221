#pragma once

#include <optional>

namespace byon::call {

// The final responses of those who were rung for one INVITE, and which of them its caller gets (RFC 3261 section 16.7).
class ForkResponses {
 public:
  // 300 to 699.
  void Add(int status);
  // 480 when there was none. Never what only its own branch could act on: redirections, challenges, extensions.
  int Best() const;

 private:
  std::optional<int> best_;
};

}  // namespace byon::call
