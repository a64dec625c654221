#pragma once

#include "dataplane/base/bytes.h"

namespace byon::dtls {

// True when `datagram` is a row of whole DTLS 1.2 records that some state of a handshake or connection
// can mean: in the clear (epoch 0) only handshake, alert and a well-formed change_cipher_spec, under
// keys (epoch 1) any type with room for nonce and tag. OpenSSL would end a handshake on some of the
// others, which anybody who can forge a source address could send (RFC 6347 section 4.1.2.7).
bool IsPlausibleDtlsDatagram(base::ByteSpan datagram);

}  // namespace byon::dtls
