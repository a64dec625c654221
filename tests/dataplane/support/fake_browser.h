#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/dtls/dtls_transport.h"
#include "dataplane/ice/ice_lite_agent.h"
#include "dataplane/srtp/srtp_session.h"
#include "tests/dataplane/support/fake_packet_io.h"
#include "tests/dataplane/support/rtp_talker.h"

namespace byon::test {

// The media half of a browser, sans-IO: a controlling ICE agent, DTLS, SRTP and Opus towards one
// gateway address. The test moves its datagrams and may switch each part off.
class FakeBrowser {
 public:
  struct Config {
    net::SocketAddress address;
    net::SocketAddress gateway;
    ice::IceCredentials local{"brws", "browser-password-22-chars"};
    ice::IceCredentials remote;
    dtls::DtlsRole dtls_role = dtls::DtlsRole::kClient;
    std::vector<dtls::DtlsFingerprint> gateway_fingerprints;
    RtpTalker::Config talker;
  };

  // `context` holds the browser's certificate.
  FakeBrowser(const Config& config, const dtls::DtlsContext& context);

  // What is due at `now`: checks, handshake timers, a packet of audio each 20 ms.
  void HandleTimeout(base::Timestamp now);
  void HandleDatagram(const TestDatagram& datagram, base::Timestamp now);
  // Takes everything to be sent, oldest first.
  std::vector<TestDatagram> TakeOutgoing() { return std::exchange(outgoing_, {}); }

  // A check as the browser makes it; `password` and `ufrag` other than the configured ones forge it.
  std::vector<std::byte> MakeCheck(bool use_candidate, std::string_view username, std::string_view password) const;
  std::string username() const { return config_.remote.ufrag + ":" + config_.local.ufrag; }

  bool does_ice = true;
  bool does_dtls = true;
  bool does_media = true;

  // Moves to another address, as after a change of network: checks come from there from now on.
  void MoveTo(const net::SocketAddress& address) {
    config_.address = address;
    next_check_ = base::Timestamp();
  }
  void SetRemoteCredentials(const ice::IceCredentials& remote) {
    config_.remote = remote;
    next_check_ = base::Timestamp();
  }
  void SetCredentials(const ice::IceCredentials& local, const ice::IceCredentials& remote) {
    config_.local = local;
    SetRemoteCredentials(remote);
  }
  // Starts DTLS at once, whatever ICE says.
  void StartDtls(base::Timestamp now);
  // Makes an SRTP packet of `plain` and sends it.
  void SendProtected(std::vector<std::byte> plain);
  void SendProtectedRtcp(std::vector<std::byte> plain);
  void SendRaw(std::vector<std::byte> payload);

  bool is_ice_connected() const { return is_ice_connected_; }
  bool is_dtls_connected() const { return inbound_ != nullptr; }
  bool is_dtls_closed() const { return is_dtls_closed_; }  // by the gateway's close_notify
  std::optional<dtls::FailureCause> dtls_failure() const { return dtls_failure_; }
  uint64_t stun_answers() const { return stun_answers_; }
  uint64_t srtp_failures() const { return srtp_failures_; }
  // Datagrams that were neither for this address nor of a known kind.
  uint64_t strange_datagrams() const { return strange_datagrams_; }
  const std::vector<std::vector<std::byte>>& rtcp() const { return rtcp_; }
  // The last SRTP packet sent, as it was on the wire.
  const std::vector<std::byte>& last_sent_srtp() const { return last_sent_srtp_; }
  const net::SocketAddress& address() const { return config_.address; }
  RtpTalker& talker() { return talker_; }

 private:
  void Send(std::vector<std::byte> payload);
  void DrainDtls();
  void HandleSrtp(std::vector<std::byte> packet, bool is_rtcp);

  Config config_;
  const dtls::DtlsContext& context_;
  RtpTalker talker_;
  std::unique_ptr<srtp::SrtpTransform> transform_;
  std::optional<dtls::DtlsTransport> dtls_;
  std::unique_ptr<srtp::SrtpSession> inbound_;
  std::unique_ptr<srtp::SrtpSession> outbound_;
  std::optional<dtls::FailureCause> dtls_failure_;
  base::Timestamp next_check_;
  base::Timestamp next_audio_;
  bool is_ice_connected_ = false;
  bool is_dtls_closed_ = false;
  uint64_t stun_answers_ = 0;
  uint64_t srtp_failures_ = 0;
  uint64_t strange_datagrams_ = 0;
  std::vector<std::vector<std::byte>> rtcp_;
  std::vector<std::byte> last_sent_srtp_;
  std::vector<TestDatagram> outgoing_;
};

}  // namespace byon::test
