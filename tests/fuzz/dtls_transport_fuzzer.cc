#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/dtls/dtls_transport.h"

// Datagrams, each behind one length byte pair, into a server and a client in mid-handshake.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  static const auto certificate = dtls::DtlsCertificate::Generate();
  static const auto context = dtls::DtlsContext::Create(*certificate, dtls::DtlsContext::DefaultProfiles());
  const base::Timestamp now = base::Timestamp::FromMilliseconds(1);
  for (const dtls::DtlsRole role : {dtls::DtlsRole::kServer, dtls::DtlsRole::kClient}) {
    dtls::DtlsTransport transport(*context, role);
    transport.Start(now);
    base::ByteReader reader(std::as_bytes(std::span(data, size)));
    while (reader.remaining() > 2) {
      const size_t length = reader.ReadU16();
      transport.HandleDatagram(reader.ReadBytes(std::min(length, reader.remaining())), now);
    }
    transport.HandleDatagram(std::as_bytes(std::span(data, size)), now);
    while (transport.PollDatagram()) {
    }
    while (const auto event = transport.PollEvent()) {
      if (std::holds_alternative<dtls::DtlsConnected>(*event)) __builtin_trap();
    }
  }
  return 0;
}
