#include "tests/dataplane/dtls/dtls_test_support.h"

#include <sys/time.h>

#include <algorithm>

#include "dataplane/base/check.h"

namespace {
int64_t simulated_ns = 0;
}

// OpenSSL's DTLS timer asks this function: simulated time rules it, too.
extern "C" int gettimeofday(timeval* tv, void*) noexcept {
  tv->tv_sec = simulated_ns / 1'000'000'000;
  tv->tv_usec = simulated_ns / 1'000 % 1'000'000;
  return 0;
}

namespace byon::dtls {

SimulatedClock::SimulatedClock() { simulated_ns = 1'700'000'000'000'000'000; }
base::Timestamp SimulatedClock::now() const { return base::Timestamp::FromNanoseconds(simulated_ns); }
void SimulatedClock::Advance(base::TimeDelta delta) { simulated_ns += delta.nanoseconds(); }

Identity Identity::Make(std::span<const srtp::SrtpProfile> profiles) {
  auto certificate = DtlsCertificate::Generate();
  auto context = DtlsContext::Create(*certificate, profiles);
  return {std::move(certificate).value(), std::move(context).value()};
}

void Peer::CollectEvents() {
  while (auto event = transport.PollEvent()) events.push_back(std::move(*event));
}
const DtlsConnected* Peer::connected() const {
  for (const DtlsEvent& event : events) {
    if (const auto* connected = std::get_if<DtlsConnected>(&event)) return connected;
  }
  return nullptr;
}
const DtlsFailed* Peer::failed() const {
  for (const DtlsEvent& event : events) {
    if (const auto* failed = std::get_if<DtlsFailed>(&event)) return failed;
  }
  return nullptr;
}
bool Peer::closed() const {
  return std::ranges::any_of(events, [](const DtlsEvent& event) { return std::holds_alternative<DtlsClosed>(event); });
}

std::vector<Datagram> PollAll(DtlsTransport& transport) {
  std::vector<Datagram> datagrams;
  while (const auto datagram = transport.PollDatagram()) {
    datagrams.emplace_back(datagram->bytes().begin(), datagram->bytes().end());
  }
  return datagrams;
}

void SimulatedLink::Drain(Peer& from, Peer& to) {
  for (Datagram& datagram : PollAll(from.transport)) {
    const int copies = random_.NextUnit() < weather_.duplicate ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random_.NextUnit() < weather_.loss) continue;
      const auto delay =
          base::TimeDelta::Milliseconds(1 + random_.NextBelow(static_cast<uint32_t>(weather_.max_delay_ms)));
      in_flight_.emplace((clock_.now() + delay).nanoseconds(), InFlight{&to, datagram});
    }
  }
  from.CollectEvents();
}

bool SimulatedLink::Step(base::Timestamp end) {
  Drain(a_, b_);
  Drain(b_, a_);
  const base::Timestamp arrival =
      in_flight_.empty() ? base::Timestamp::Infinite() : base::Timestamp::FromNanoseconds(in_flight_.begin()->first);
  const base::Timestamp next = std::min({arrival, a_.transport.NextDeadline(), b_.transport.NextDeadline()});
  if (next > end) return false;
  if (next > clock_.now()) clock_.Advance(next - clock_.now());
  if (arrival == next) {
    const InFlight item = std::move(in_flight_.begin()->second);
    in_flight_.erase(in_flight_.begin());
    item.to->transport.HandleDatagram(item.datagram, clock_.now());
  } else {
    a_.transport.HandleTimeout(clock_.now());
    b_.transport.HandleTimeout(clock_.now());
  }
  return true;
}

void SimulatedLink::Run(base::TimeDelta limit) {
  const base::Timestamp end = clock_.now() + limit;
  while (a_.events.empty() || b_.events.empty()) {
    if (!Step(end)) return;
  }
}

void SimulatedLink::RunQuiet(base::TimeDelta limit) {
  const base::Timestamp end = clock_.now() + limit;
  while (Step(end)) {
  }
}

std::vector<Datagram> Refragment(const Datagram& client_hello, size_t bytes, uint16_t first_sequence) {
  constexpr size_t kRecordHeader = 13, kHandshakeHeader = 12;
  base::ByteReader reader(client_hello);
  reader.Skip(kRecordHeader);
  const uint8_t type = reader.ReadU8();
  const uint32_t length = reader.ReadU24();
  const uint16_t message_sequence = reader.ReadU16();
  reader.Skip(6);
  const base::ByteSpan body = reader.rest();
  BYON_CHECK(body.size() == length, "one unfragmented ClientHello in one datagram");
  std::vector<Datagram> fragments;
  for (size_t offset = 0; offset < length; offset += bytes) {
    const size_t size = std::min(bytes, length - offset);
    Datagram datagram(kRecordHeader + kHandshakeHeader + size);
    base::ByteWriter writer(datagram);
    writer.WriteBytes(base::ByteSpan(client_hello).first(3));  // content type, version
    writer.WriteU16(0);                                        // epoch
    writer.WriteU32(0);
    writer.WriteU16(first_sequence++);
    writer.WriteU16(static_cast<uint16_t>(kHandshakeHeader + size));
    writer.WriteU8(type);
    writer.WriteU24(length);
    writer.WriteU16(message_sequence);
    writer.WriteU24(static_cast<uint32_t>(offset));
    writer.WriteU24(static_cast<uint32_t>(size));
    writer.WriteBytes(body.subspan(offset, size));
    fragments.push_back(std::move(datagram));
  }
  return fragments;
}

}  // namespace byon::dtls
