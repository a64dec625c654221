#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"
#include "dataplane/ice/drop_reason.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/stun/message_integrity.h"
#include "dataplane/stun/stun_message_view.h"

namespace byon::ice {

// RFC 7675 section 5.1.
inline constexpr base::TimeDelta kConsentTimeout = base::TimeDelta::Seconds(30);
// The most addresses a peer may prove at once.
inline constexpr size_t kMaxRemoteCandidates = 16;
// How long a newly nominated pair may be without authentic media while the one before is alive.
inline constexpr base::TimeDelta kTrialOfNewPair = base::TimeDelta::Seconds(10);

// RFC 8839 section 5.4: ufrag of 4 to 256, password of 22 to 256 characters.
struct IceCredentials {
  std::string ufrag;
  std::string pwd;
};

// The first pair was selected.
struct IceConnected {
  net::SocketAddress remote;
};
// The peer nominated another pair.
struct SelectedPairChanged {
  net::SocketAddress remote;
};
// Nothing authentic came from the selected remote for the consent timeout: sending must stop.
struct ConsentLost {};
// No pair was selected in time after the peer's credentials were known.
struct ConnectTimeout {};
using IceEvent = std::variant<IceConnected, SelectedPairChanged, ConsentLost, ConnectTimeout>;

// A STUN message to send; `bytes` live until the agent is given its next datagram.
struct IceDatagram {
  net::SocketAddress to;
  base::ByteSpan bytes;
};

// One component of an ICE-lite agent (RFC 8445 section 2.5) behind one local address: it answers
// connectivity checks, is always controlled, takes the pair the peer nominates, and watches consent
// (RFC 7675). It sends nothing to an address that has not just proved that it knows the password.
class IceLiteAgent {
 public:
  struct Config {
    base::TimeDelta consent_timeout = kConsentTimeout;
    base::TimeDelta connect_timeout = base::TimeDelta::Seconds(30);
  };

  IceLiteAgent(const Config& config, const IceCredentials& local);
  // From its beginning, what media and ticks look at where nothing happens.
  static constexpr size_t kHotBytes = 128;

  // Gives the peer's credentials of the current generation; before that, checks are answered on the
  // local half of the USERNAME alone. Starts the connect timeout. A lite agent never sends a check,
  // so the password is not kept.
  void SetRemoteCredentials(const IceCredentials& remote, base::Timestamp now);
  // ICE restart (RFC 8445 section 9): the old credentials stay good until the first check with the
  // new ones, and the selected pair until the peer nominates in the new generation.
  void RestartIce(const IceCredentials& new_local, base::Timestamp now);

  // Takes a datagram whose class is STUN; a reason when it is dropped.
  std::optional<DropReason> HandleDatagram(base::ByteSpan datagram, const net::SocketAddress& from,
                                           base::Timestamp now);
  // SRTP or SRTCP from the selected remote passed authentication: as good a sign of life as a
  // check.
  void OnAuthenticatedMedia(base::Timestamp now);
  void HandleTimeout(base::Timestamp now);
  base::Timestamp NextDeadline() const;
  std::optional<IceDatagram> PollDatagram();
  std::optional<IceEvent> PollEvent();

  // Whether that address passed an authenticated check: the gate before DTLS and SRTP.
  bool IsVerified(const net::SocketAddress& remote) const;
  // Where to send media; nothing before nomination and after consent is lost.
  const std::optional<net::SocketAddress>& selected_remote() const { return selected_; }
  size_t remote_candidate_count() const { return candidates_.size(); }
  std::string_view local_ufrag() const { return current_.local_ufrag.view(); }

 private:
  struct SeenCheck {
    uint32_t transaction = 0;  // hashes
    uint32_t from = 0;
  };
  // In place: credentials change on a thread that uses no heap. What is longer never fits a check.
  class Ufrag {
   public:
    explicit Ufrag(std::string_view text) : size_(std::min(text.size(), kCapacity)) {
      std::copy_n(text.begin(), size_, text_.begin());
    }
    std::string_view view() const { return {text_.data(), size_}; }

   private:
    static constexpr size_t kCapacity = 256;
    std::array<char, kCapacity> text_;
    size_t size_;
  };
  struct Generation {
    Ufrag local_ufrag;
    stun::IntegrityKey key;
    std::optional<Ufrag> remote_ufrag;
    uint32_t number = 0;
  };
  struct RemoteCandidate {
    net::SocketAddress address;
    uint32_t priority = 0;
    uint32_t generation = 0;
    uint32_t nominations = 0;  // since the selected pair was last nominated
    base::Timestamp last_heard;
    bool is_expired = false;  // lost consent under `generation`
  };

  // By size, not by span: the agent may be moved.
  struct PendingResponse {
    net::SocketAddress to;
    size_t size = 0;
  };

  Generation* FindGeneration(base::ByteSpan username);
  RemoteCandidate* FindCandidate(const net::SocketAddress& address);
  RemoteCandidate* AddCandidate(const net::SocketAddress& address, base::Timestamp now);
  std::optional<DropReason> HandleAuthenticRequest(const stun::StunMessageView& request, const Generation& generation,
                                                   const net::SocketAddress& from, base::Timestamp now);
  // Whether that transaction was seen from another address; remembers it.
  bool IsReplayed(const stun::TransactionId& id, const net::SocketAddress& from);
  void OnNomination(RemoteCandidate& candidate, base::Timestamp now);
  void EndTrial();
  void PushEvent(IceEvent event);
  void AnswerSuccess(const stun::StunMessageView& request, const stun::IntegrityKey& key, const net::SocketAddress& to);
  void AnswerError(const stun::StunMessageView& request, const stun::IntegrityKey& key, const net::SocketAddress& to,
                   stun::ErrorCode code, const stun::StunMessageView::UnknownAttributes& unknown);

  // What media and every tick look at comes first, kHotBytes with the size of `events_`.
  Config config_;
  std::optional<net::SocketAddress> selected_;
  uint32_t selected_generation_ = 0;
  base::Timestamp trial_deadline_ = base::Timestamp::Infinite();
  base::Timestamp consent_deadline_ = base::Timestamp::Infinite();
  base::Timestamp connect_deadline_ = base::Timestamp::Infinite();
  std::optional<PendingResponse> pending_;
  base::FixedVector<IceEvent, 8> events_;

  Generation current_;
  std::optional<Generation> previous_;
  base::FixedVector<RemoteCandidate, kMaxRemoteCandidates> candidates_;
  std::array<SeenCheck, 64> seen_{};
  size_t next_seen_ = 0;
  // The pair before the selected one, until media has come over that.
  std::optional<net::SocketAddress> former_;

  static constexpr size_t kMaxResponseBytes = 128;
  std::array<std::byte, kMaxResponseBytes> response_;
};

}  // namespace byon::ice
