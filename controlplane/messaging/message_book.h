#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "controlplane/call/call_action.h"
#include "controlplane/messaging/message.h"
#include "controlplane/messaging/pager_signaling.h"

namespace byon::messaging {

using call::Now;

// Validated at start; see config/controlplane.yaml.
struct MessagingConfig {
  std::string home_domain = "ims.example";
  std::vector<std::string> emergency_numbers;  // besides 112 and 911
  std::vector<std::string> barred_prefixes;    // numbers that nobody may write to, as they may not be called
  size_t max_text_bytes = 4096;
  size_t max_kept_per_number = 200;
  std::chrono::seconds ttl{604800};
  unsigned sent_per_minute = 30;       // of one number
  unsigned received_per_minute = 120;  // for one number; beyond the network is told to wait
  // A message that found no registration to leave by (after a restart) has failed after so long.
  std::chrono::seconds queue_deadline{300};
};

struct Draft {
  std::string id;  // new, unguessable
  std::string number;
  std::string to;  // tel:+E164 or sip: URI
  std::string text;
  bool asks_report = false;
  std::string client_correlator;
};
enum class DraftRefusal : uint8_t { kBadAddress, kEmergency, kBarred, kBadText, kTooLong, kTooMany };

// ---- what the book wants done; carried out in order

struct SendPage {
  std::string number;  // in whose name
  std::string id;
  std::string target_uri;
  std::string content_type;
  std::string body;
};
// The number's devices are to be told: of a new message, or that one has changed.
struct TellDevices {
  Message message;
  bool is_new = false;  // received
};
struct PersistMessage {
  std::string id;
};
struct EraseMessage {
  std::string id;
};
using Action = std::variant<SendPage, TellDevices, PersistMessage, EraseMessage>;

// The messages of all numbers: composes, receives, matches reports, bounds and forgets. Sans-IO:
// inputs leave actions behind; the owner polls until there are none.
class MessageBook {
 public:
  explicit MessageBook(MessagingConfig config) : config_(std::move(config)) {}

  void Restore(Message message, Now now);

  std::variant<Message, DraftRefusal> Compose(Draft draft, Now now);
  // The number can send now: what waits from before goes out.
  void HandleLineUp(const std::string& number, Now now);
  // The status of the answer; 200 only after the actions left behind are safe. `id`: new.
  [[nodiscard]] int Receive(const std::string& number, const std::string& id, const IncomingPage& page, Now now);
  // It could not leave: it waits for HandleLineUp.
  void OnPageHeld(const std::string& id) { in_flight_.erase(id); }
  void OnPageAnswered(const std::string& id, int status, const std::string& phrase, Now now);
  // This one and all earlier of the same peer; false when there is none of this number.
  bool MarkRead(const std::string& number, const std::string& id, Now now);
  bool Erase(const std::string& number, const std::string& id);

  const Message* Find(const std::string& id) const;
  // The one that this request of the number has made already.
  const Message* FindByCorrelator(const std::string& number, const std::string& client_correlator) const;
  struct Query {
    std::string peer;    // empty: all
    std::string before;  // id: only older ones; empty: from the newest
    size_t limit = 50;
  };
  // Newest first.
  std::vector<const Message*> List(const std::string& number, const Query& query) const;
  // Received and not read, oldest first, the `limit` newest.
  std::vector<const Message*> Unread(const std::string& number, size_t limit) const;

  void HandleTimeout(Now now);
  call::Deadline NextDeadline() const { return by_id_.empty() ? call::kNoDeadline : next_sweep_; }
  std::optional<Action> PollAction();
  size_t size() const { return by_id_.size(); }
  size_t max_text_bytes() const { return config_.max_text_bytes; }

 private:
  struct Bucket {
    double level = 0;
    std::optional<std::chrono::steady_clock::time_point> at;
    bool Take(unsigned per_minute, std::chrono::steady_clock::time_point now);
  };
  struct Conversations {
    std::map<uint64_t, Message> messages;  // by position
    std::unordered_set<std::string> keys;  // transaction keys of received ones
    Bucket sent;
    Bucket received;
  };
  Message& Insert(Message message, Now now);
  Message* FindMutable(const std::string& id);
  void Remove(const std::string& id);
  void Change(Message& message, MessageState state, Now now);
  void Send(const Message& message);
  void SendReport(const Message& message, bool is_display, Now now);
  void TakeReport(const std::string& number, const std::string& reporter, const struct Imdn& imdn, Now now);

  const MessagingConfig config_;
  std::unordered_map<std::string, Conversations> numbers_;
  std::unordered_map<std::string, std::pair<std::string, uint64_t>> by_id_;  // number and position
  std::unordered_set<std::string> in_flight_;
  call::Deadline next_sweep_ = call::kNoDeadline;
  std::deque<Action> actions_;
};

}  // namespace byon::messaging
