#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

namespace byon::base {

// Extends a wrapping wire counter (RTP sequence number, RTP timestamp) to 64 bits, taking each value
// as the one nearest to the previous. Wire counters are compared only through this.
template <typename Wire>
class SequenceUnwrapper {
 public:
  // The extended value of `wire`; remembers it as the new reference.
  int64_t Unwrap(Wire wire) {
    last_ = Peek(wire);
    return *last_;
  }
  // The extended value of `wire` without moving the reference.
  int64_t Peek(Wire wire) const {
    if (!last_) return static_cast<int64_t>(wire);
    using Signed = std::make_signed_t<Wire>;
    const Wire last_wire = static_cast<Wire>(*last_);
    return *last_ + static_cast<Signed>(static_cast<Wire>(wire - last_wire));
  }
  void Reset() { last_.reset(); }

 private:
  std::optional<int64_t> last_;
};

}  // namespace byon::base
