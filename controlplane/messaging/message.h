#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace byon::messaging {

using WallTime = std::chrono::system_clock::time_point;

enum class Direction : uint8_t { kOutgoing, kIncoming };
// Outgoing: queued, sent (the network has taken it), delivered, displayed (told by the receiver,
// RFC 5438) or failed. Incoming: received, read.
enum class MessageState : uint8_t { kQueued, kSent, kDelivered, kDisplayed, kFailed, kReceived, kRead };

std::string_view ToString(Direction direction);
std::string_view ToString(MessageState state);
std::optional<MessageState> ParseMessageState(std::string_view text);

// One message of one number, as its devices see it and as the store keeps it.
struct Message {
  std::string id;
  std::string number;  // +E.164, whose message it is
  Direction direction = Direction::kOutgoing;
  std::string peer;       // tel: or sip: address as shown to clients
  std::string peer_name;  // as the network gave it; may be empty
  std::string text;
  MessageState state = MessageState::kQueued;
  int cause_status = 0;  // SIP status of a failure; 0: none
  std::string cause_text;
  WallTime created_at;
  WallTime updated_at;
  uint64_t position = 0;  // counts in the number from 1
  bool asks_report = false;
  std::string client_correlator;  // of the request that made it; may be empty

  // What the network side needs, never shown.
  std::string peer_uri;         // where it goes, or where notifications go
  std::string transaction_key;  // incoming: see IncomingPage
  std::string sender_message_id;
  std::string sender_date_time;
  bool wants_delivery = false;
  bool wants_display = false;
};

}  // namespace byon::messaging
