#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/rtp/datagram_class.h"
#include "tests/dataplane/support/fake_packet_io.h"
#include "tests/dataplane/support/rtp_talker.h"

namespace byon::test {

// The media of a phone on the IMS side, sans-IO: plain RTP and RTCP from fixed addresses.
class FakeImsEndpoint {
 public:
  struct Config {
    net::SocketAddress rtp;
    net::SocketAddress rtcp;
    net::SocketAddress gateway_rtp;
    net::SocketAddress gateway_rtcp;
    RtpTalker::Config talker;
  };

  explicit FakeImsEndpoint(const Config& config) : config_(config), talker_(config.talker) {}

  // A packet of audio, or of a digit, each 20 ms.
  void HandleTimeout(base::Timestamp now) {
    if (!has_started_) next_audio_ = now;
    has_started_ = true;
    while (next_audio_ <= now) {
      next_audio_ += base::TimeDelta::Milliseconds(20);
      if (digit_frames_left_ > 0) {
        SendDigitFrame();
        continue;
      }
      auto packet = talker_.NextPacket();
      if (does_media && packet) Send(std::move(*packet));
    }
  }
  bool IsFor(const TestDatagram& datagram) const {
    return datagram.destination == config_.rtp || datagram.destination == config_.rtcp;
  }
  void HandleDatagram(const TestDatagram& datagram, base::Timestamp) {
    dscp_ = datagram.dscp;
    if (rtp::ClassifyDatagram(datagram.payload) == rtp::DatagramClass::kRtcp) {
      (datagram.destination == config_.rtcp ? rtcp_ : misplaced_rtcp_).push_back(datagram.payload);
    } else {
      last_rtp_ = datagram.payload;
      talker_.Receive(datagram.payload);
    }
  }
  std::vector<TestDatagram> TakeOutgoing() { return std::exchange(outgoing_, {}); }

  void Send(std::vector<std::byte> payload) {
    outgoing_.push_back({config_.rtp, config_.gateway_rtp, std::move(payload)});
  }
  void SendRtcp(std::vector<std::byte> payload) {
    outgoing_.push_back({config_.rtcp, config_.gateway_rtcp, std::move(payload)});
  }
  // Presses a key for `frames` times 20 ms.
  void PressKey(char digit, int frames) {
    digit_ = digit;
    digit_frames_ = frames;
    digit_frames_left_ = frames;
    digit_timestamp_ = talker_.next_timestamp();
  }

  bool does_media = true;

  RtpTalker& talker() { return talker_; }
  const std::vector<std::vector<std::byte>>& rtcp() const { return rtcp_; }
  // RTCP that came to the RTP address.
  const std::vector<std::vector<std::byte>>& misplaced_rtcp() const { return misplaced_rtcp_; }
  // The last RTP packet that came, as it was.
  const std::vector<std::byte>& last_rtp() const { return last_rtp_; }
  uint8_t dscp() const { return dscp_; }
  const Config& config() const { return config_; }

 private:
  void SendDigitFrame() {
    const int sent = digit_frames_ - digit_frames_left_;
    const bool is_end = --digit_frames_left_ == 0;
    const uint32_t duration = talker_.next_timestamp() - digit_timestamp_;
    // RFC 4733 section 2.5.1.4: the end is sent three times.
    for (int i = 0; i < (is_end ? 3 : 1); ++i) {
      Send(talker_.TelephoneEventPacket(digit_, static_cast<uint16_t>(duration), sent == 0, is_end, digit_timestamp_));
    }
    talker_.SkipFrame();
  }

  Config config_;
  RtpTalker talker_;
  base::Timestamp next_audio_;
  bool has_started_ = false;
  char digit_ = 0;
  int digit_frames_ = 0;
  int digit_frames_left_ = 0;
  uint32_t digit_timestamp_ = 0;
  uint8_t dscp_ = 0;
  std::vector<std::byte> last_rtp_;
  std::vector<std::vector<std::byte>> rtcp_;
  std::vector<std::vector<std::byte>> misplaced_rtcp_;
  std::vector<TestDatagram> outgoing_;
};

}  // namespace byon::test
