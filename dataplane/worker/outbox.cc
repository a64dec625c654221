#include "dataplane/worker/outbox.h"

#include <span>
#include <tuple>

namespace byon::worker {
namespace {

constexpr size_t kMaxOwedStops = 4096;

}  // namespace

Outbox::Outbox(PacketIo& io, HandshakeMailbox& handshakes, srtp::SrtpBackend backend, session::DropCounters& drops)
    : io_(io), handshakes_(handshakes), drops_(drops), transform_(srtp::MakeSrtpTransform(backend)) {
  owed_stops_.reserve(kMaxOwedStops);
}

void Outbox::Send(const OutgoingDatagram& datagram, srtp::SrtpSession* protect) {
  if (protect) {
    to_protect_[to_protect_count_] = datagram;
    burst_[to_protect_count_] = {protect, datagram.buffer.bytes(), datagram.size, std::nullopt};
    if (++to_protect_count_ == to_protect_.size()) FlushProtected();
  } else {
    plain_[plain_count_] = datagram;
    if (++plain_count_ == plain_.size()) FlushPlain();
  }
}

void Outbox::Flush() {
  FlushProtected();
  FlushPlain();
}

void Outbox::FlushPlain() {
  if (plain_count_ == 0) return;
  io_.Send(std::span(plain_).first(plain_count_), now_);
  packets_sent_ += plain_count_;
  plain_count_ = 0;
}

void Outbox::FlushProtected() {
  if (to_protect_count_ == 0) return;
  srtp::ProtectRtpBurst(*transform_, std::span(burst_).first(to_protect_count_));
  size_t sent = 0;
  for (size_t i = 0; i < to_protect_count_; ++i) {
    if (burst_[i].drop) {
      drops_.Count(*burst_[i].drop);
      io_.Free(to_protect_[i].buffer);
      continue;
    }
    to_protect_[sent] = to_protect_[i];
    to_protect_[sent].size = burst_[i].length;
    ++sent;
  }
  if (sent > 0) io_.Send(std::span(to_protect_).first(sent), now_);
  packets_sent_ += sent;
  to_protect_count_ = 0;
}

bool Outbox::SendToHandshake(session::HandshakeRequest&& request) {
  const bool is_stop = request.kind == session::HandshakeRequest::Kind::kStop;
  const auto key = std::pair(request.session, request.association);
  last_handshake_request_ = now_;
  owes_notice_ = true;
  if (handshakes_.requests.Push(std::move(request))) return true;
  if (!is_stop || owed_stops_.size() == kMaxOwedStops) return false;
  owed_stops_.push_back(key);
  return true;
}

void Outbox::FlushHandshakes() {
  while (!owed_stops_.empty()) {
    session::HandshakeRequest request;
    request.kind = session::HandshakeRequest::Kind::kStop;
    std::tie(request.session, request.association) = owed_stops_.back();
    if (!handshakes_.requests.Push(std::move(request))) break;
    owed_stops_.pop_back();
  }
  if (owes_notice_ && handshakes_.signal) handshakes_.signal->Notify();
  owes_notice_ = false;
}

}  // namespace byon::worker
