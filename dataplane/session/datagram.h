#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/net/socket_address.h"

namespace byon::session {

// A buffer lent by the packet I/O for one UDP payload. `handle` is the lender's own (an mbuf).
// Whoever holds it must either send it or give it back; it is not counted or freed by itself.
struct TxBuffer {
  std::byte* data = nullptr;
  size_t capacity = 0;  // bytes; at least kMinTxCapacity
  void* handle = nullptr;

  explicit operator bool() const { return data != nullptr; }
  base::MutableByteSpan bytes() const { return {data, capacity}; }
};

// Room for any UDP payload on a 1500-byte MTU, SRTP tags included.
inline constexpr size_t kMinTxCapacity = 1500;

// A finished UDP payload on its way out. The addresses are the UDP ends; below is the port's business.
struct OutgoingDatagram {
  TxBuffer buffer;
  size_t size = 0;  // bytes used of `buffer`
  net::SocketAddress source;
  net::SocketAddress destination;
  uint8_t dscp = 0;  // RFC 2474, 0..63

  base::ByteSpan payload() const { return {buffer.data, size}; }
};

}  // namespace byon::session
