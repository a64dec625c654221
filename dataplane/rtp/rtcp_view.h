#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/rtp/drop_reason.h"
#include "dataplane/rtp/rtcp_types.h"

namespace byon::rtp {

// One block of a compound packet. The Parse functions answer nothing when the block is of another
// type or its body contradicts its count.
class RtcpBlockView {
 public:
  RtcpBlockView() = default;
  RtcpBlockView(uint8_t type, uint8_t count, base::ByteSpan body) : type_(type), count_(count), body_(body) {}

  RtcpType type() const { return static_cast<RtcpType>(type_); }
  uint8_t count_or_format() const { return count_; }
  // What follows the first word, without padding.
  base::ByteSpan body() const { return body_; }

  std::optional<SenderReport> ParseSenderReport() const;
  std::optional<ReceiverReport> ParseReceiverReport() const;
  std::optional<SourceDescriptions> ParseSourceDescriptions() const;
  std::optional<Bye> ParseBye() const;
  std::optional<FeedbackMessage> ParseFeedback() const;  // RTPFB and PSFB

 private:
  uint8_t type_ = 0;
  uint8_t count_ = 0;
  base::ByteSpan body_;
};

// A validated RTCP datagram, compound (RFC 3550 section 6.1) or reduced-size (RFC 5506):
//   for (RtcpBlockView block : *RtcpView::Parse(bytes)) ...
class RtcpView {
 public:
  // Walks all blocks: versions, lengths and padding are good in what is returned.
  // `allow_reduced_size` false demands that the datagram starts with SR or RR.
  static base::Result<RtcpView, DropReason> Parse(base::ByteSpan datagram, bool allow_reduced_size = true);

  // The SSRC of the first block's sender.
  Ssrc sender() const;

  class Iterator {
   public:
    explicit Iterator(base::ByteSpan rest);
    const RtcpBlockView& operator*() const { return block_; }
    const RtcpBlockView* operator->() const { return &block_; }
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

   private:
    void Load();
    base::ByteSpan rest_;
    RtcpBlockView block_;
  };
  Iterator begin() const { return Iterator(datagram_); }
  Iterator end() const { return Iterator(datagram_.last(0)); }

 private:
  explicit RtcpView(base::ByteSpan datagram) : datagram_(datagram) {}
  base::ByteSpan datagram_;
};

}  // namespace byon::rtp
