#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "controlplane/sip/text/ip_address.h"

struct bio_st;
struct ssl_st;

namespace byon::sip {

// What sofia-sip 1.12.11 leaves to do with the TLS sessions that it makes, one object a SIP thread:
// - TLS 1.2 is the least;
// - the peer is who it should be by RFC 5922 (the library takes a common name beside other names, too);
// - an error that one session left in OpenSSL's queue does not end another;
// - a handshake has an end, and a session that is over is freed (the library frees none).
// All through hooks of OpenSSL's own for what it makes on this thread; nothing of the library is touched.
class TlsSessions {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `peer_name`: the SIP domain that every peer must prove to be, but for those that have a name of their own.
  explicit TlsSessions(std::string peer_name, std::map<IpAddress, std::string> own_names = {});
  // After the library's agent is gone.
  ~TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;

  // A connection of ours that was in use is over. From Sweep().
  std::function<void(const IpAddress& peer)> on_connection_lost;
  // A handshake failed.
  std::function<void()> on_refused;
  // Whether this address may connect to us; one that may not gets no handshake, on_stranger hears of it.
  std::function<bool(const IpAddress& peer)> may_connect;
  std::function<void()> on_stranger;

  // Frees what is over and ends handshakes that stand still; every second or so.
  void Sweep(Time now);
  // Why the last handshake of a connection of ours failed; empty when none did in the last 10 s.
  std::string RecentRefusal(Time now) const;
  size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    ssl_st* ssl = nullptr;
    bio_st* bio = nullptr;
    int socket = -1;
    ino_t inode = 0;  // of the socket: its number may serve another one by now
    Time begun;
    bool is_up = false;
    bool is_ours = false;  // we connected
    bool is_stranger = false;
    IpAddress peer;
  };
  friend struct TlsHooks;

  void Adopt(ssl_st* ssl, bio_st* bio);
  void HandleHandshakeStart(Session& session);
  void HandleHandshakeEnd(Session& session);
  void Refuse(const Session& session, std::string reason);
  void Free(Session& session);
  static bool IsOver(const Session& session);

  const std::string peer_name_;
  const std::map<IpAddress, std::string> own_names_;
  std::list<Session> sessions_;
  bio_st* last_bio_ = nullptr;
  std::string refusal_;
  Time refused_at_;
};

}  // namespace byon::sip
