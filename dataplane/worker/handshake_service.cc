#include "dataplane/worker/handshake_service.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <tuple>
#include <variant>

namespace byon::worker {

using session::HandshakeReport;
using session::HandshakeRequest;

namespace {

void Copy(const dtls::DtlsDatagram& datagram, session::DtlsBytes& to) {
  to.size = std::min(datagram.size, session::DtlsBytes::kCapacity);
  std::memcpy(to.storage.data(), datagram.storage.data(), to.size);
}

}  // namespace

HandshakeService::HandshakeService(const dtls::DtlsContext& context, srtp::SrtpBackend backend,
                                   std::vector<HandshakeMailbox*> mailboxes)
    : context_(context), backend_(backend) {
  for (HandshakeMailbox* mailbox : mailboxes) clients_.emplace_back().mailbox = mailbox;
}

bool HandshakeService::RunOnce(base::Timestamp now) {
  bool is_busy = false;
  for (Client& client : clients_) is_busy |= ServeClient(client, now);
  return ServeTimers(now) || is_busy;
}

bool HandshakeService::ServeClient(Client& client, base::Timestamp now) {
  while (!client.unread.empty() && client.mailbox->reports.Push(std::move(client.unread.front()))) {
    client.unread.pop_front();
  }
  if (client.unread.size() >= kMaxUnreadReports) return false;
  auto request = client.mailbox->requests.Pop();
  if (!request) return false;
  ServeRequest(client, std::move(*request), now);
  return true;
}

void HandshakeService::ServeRequest(Client& client, HandshakeRequest request, base::Timestamp now) {
  const Key key(request.session, request.association);
  if (request.kind == HandshakeRequest::Kind::kStart) {
    const auto [place, is_new] = client.associations.try_emplace(key, dtls::DtlsTransport(context_, request.role));
    if (!is_new) return;
    const std::span fingerprints(request.fingerprints.begin(), request.fingerprints.size());
    place->second.SetRemoteFingerprints(fingerprints);
    place->second.Start(now);
    return Drain(client, key, place->second);
  }
  const auto found = client.associations.find(key);
  if (found == client.associations.end()) return;
  dtls::DtlsTransport& transport = found->second;
  switch (request.kind) {
    case HandshakeRequest::Kind::kFingerprints:
      transport.SetRemoteFingerprints(std::span(request.fingerprints.begin(), request.fingerprints.size()));
      break;
    case HandshakeRequest::Kind::kDatagram: transport.HandleDatagram(request.datagram.bytes(), now); break;
    case HandshakeRequest::Kind::kStop:
      // The session may be gone; it has sent the close_notify that it got with its keys.
      deadlines_.erase({&client, key});
      client.associations.erase(found);
      return;
    case HandshakeRequest::Kind::kStart:
    case HandshakeRequest::Kind::kDiscard:
    case HandshakeRequest::Kind::kNone: return;
  }
  Drain(client, key, transport);
}

bool HandshakeService::ServeTimers(base::Timestamp now) {
  std::vector<std::pair<Client*, Key>> due;
  for (const auto& [owner, deadline] : deadlines_) {
    if (deadline <= now) due.push_back(owner);
  }
  for (const auto& [client, key] : due) {
    dtls::DtlsTransport& transport = client->associations.at(key);
    transport.HandleTimeout(now);
    Drain(*client, key, transport);
  }
  return !due.empty();
}

void HandshakeService::Drain(Client& client, const Key& key, dtls::DtlsTransport& transport) {
  while (const auto datagram = transport.PollDatagram()) {
    HandshakeReport report;
    report.kind = HandshakeReport::Kind::kDatagram;
    std::tie(report.session, report.association) = key;
    Copy(*datagram, report.datagram);
    Post(client, std::move(report));
  }
  while (auto event = transport.PollEvent()) ReportEvent(client, key, transport, std::move(*event));
  const base::Timestamp deadline = transport.NextDeadline();
  if (deadline.is_infinite()) {
    deadlines_.erase({&client, key});
  } else {
    deadlines_[{&client, key}] = deadline;
  }
}

void HandshakeService::ReportEvent(Client& client, const Key& key, dtls::DtlsTransport& transport,
                                   dtls::DtlsEvent event) {
  HandshakeReport report;
  std::tie(report.session, report.association) = key;
  if (const auto* connected = std::get_if<dtls::DtlsConnected>(&event)) {
    report.kind = HandshakeReport::Kind::kConnected;
    report.srtp.inbound = std::make_unique<srtp::SrtpSession>(backend_, connected->remote);
    report.srtp.outbound = std::make_unique<srtp::SrtpSession>(backend_, connected->local);
    if (const auto farewell = transport.MakeFarewell()) Copy(*farewell, report.datagram);
  } else if (const auto* failed = std::get_if<dtls::DtlsFailed>(&event)) {
    report.kind = HandshakeReport::Kind::kFailed;
    report.cause = failed->cause;
  } else {
    report.kind = HandshakeReport::Kind::kClosed;
  }
  Post(client, std::move(report));
}

void HandshakeService::Post(Client& client, HandshakeReport report) {
  if (client.unread.empty() && client.mailbox->reports.Push(std::move(report))) return;
  client.unread.push_back(std::move(report));
}

base::Timestamp HandshakeService::NextDeadline() const {
  base::Timestamp next = base::Timestamp::Infinite();
  for (const auto& [owner, deadline] : deadlines_) next = std::min(next, deadline);
  return next;
}

size_t HandshakeService::association_count() const {
  size_t count = 0;
  for (const Client& client : clients_) count += client.associations.size();
  return count;
}

}  // namespace byon::worker
