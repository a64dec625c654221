#include "controlplane/messaging/message_book.h"

#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/messaging/cpim.h"
#include "controlplane/messaging/message_text.h"
#include "controlplane/messaging/page_content.h"
#include "dataplane/base/utc_text.h"

namespace byon::messaging {
namespace {

using std::chrono::seconds;

constexpr seconds kSweepInterval{60};
constexpr char kTextType[] = "text/plain;charset=UTF-8";
constexpr char kReportPrefix[] = "imdn-";
constexpr size_t kMaxForeignId = 256;

constexpr std::pair<MessageState, std::string_view> kStateNames[] = {{MessageState::kQueued, "queued"},
                                                                     {MessageState::kSent, "sent"},
                                                                     {MessageState::kDelivered, "delivered"},
                                                                     {MessageState::kDisplayed, "displayed"},
                                                                     {MessageState::kFailed, "failed"},
                                                                     {MessageState::kReceived, "received"},
                                                                     {MessageState::kRead, "read"}};

}  // namespace

std::string_view ToString(Direction direction) { return direction == Direction::kOutgoing ? "outgoing" : "incoming"; }

std::string_view ToString(MessageState state) {
  for (const auto& [value, name] : kStateNames) {
    if (value == state) return name;
  }
  return "";
}

std::optional<MessageState> ParseMessageState(std::string_view text) {
  for (const auto& [value, name] : kStateNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool MessageBook::Bucket::Take(unsigned per_minute, std::chrono::steady_clock::time_point now) {
  const double depth = per_minute;
  if (!at) level = depth;
  const double minutes = at ? std::chrono::duration<double, std::ratio<60>>(now - *at).count() : 0;
  at = now;
  level = std::min(depth, level + minutes * per_minute);
  if (level < 1) return false;
  level -= 1;
  return true;
}

// ---- composing

std::variant<Message, DraftRefusal> MessageBook::Compose(Draft draft, Now now) {
  if (call::IsEmergencyAddress(draft.to, config_.emergency_numbers)) return DraftRefusal::kEmergency;
  if (call::IsBarredAddress(draft.to, config_.barred_prefixes)) return DraftRefusal::kBarred;
  const auto target = call::TargetUriOf(draft.to);
  if (!target) return DraftRefusal::kBadAddress;
  if (draft.text.empty() || !IsMessageText(draft.text)) return DraftRefusal::kBadText;
  if (draft.text.size() > config_.max_text_bytes) return DraftRefusal::kTooLong;
  if (!numbers_[draft.number].sent.Take(config_.sent_per_minute, now.steady)) return DraftRefusal::kTooMany;
  Message message;
  message.id = std::move(draft.id);
  message.number = std::move(draft.number);
  message.peer = call::ShownAddressOf(*target, config_.home_domain);
  message.peer_uri = *target;
  message.text = std::move(draft.text);
  message.asks_report = draft.asks_report;
  message.client_correlator = std::move(draft.client_correlator);
  message.created_at = message.updated_at = now.wall;
  const Message& kept = Insert(std::move(message), now);
  actions_.push_back(PersistMessage{kept.id});
  Send(kept);
  actions_.push_back(TellDevices{kept, false});
  return kept;
}

void MessageBook::Send(const Message& message) {
  in_flight_.insert(message.id);
  SendPage page{message.number, message.id, message.peer_uri, kTextType, message.text};
  if (message.asks_report) {
    Cpim cpim;
    cpim.from = "tel:" + message.number;
    cpim.to = message.peer_uri;
    cpim.date_time = base::UtcText(message.created_at);
    cpim.message_id = message.id;
    cpim.wants_delivery = true;
    cpim.content_type = kTextType;
    cpim.body = message.text;
    page.content_type = "message/cpim";
    page.body = BuildCpim(cpim);
  }
  actions_.push_back(std::move(page));
}

void MessageBook::HandleLineUp(const std::string& number, Now now) {
  const auto found = numbers_.find(number);
  if (found == numbers_.end()) return;
  for (const auto& [position, message] : found->second.messages) {
    const bool is_waiting = message.state == MessageState::kQueued && !in_flight_.contains(message.id);
    if (is_waiting && now.wall - message.created_at < config_.queue_deadline) Send(message);
  }
}

void MessageBook::OnPageAnswered(const std::string& id, int status, const std::string& phrase, Now now) {
  in_flight_.erase(id);
  Message* message = FindMutable(id);
  // A report may have come before the answer to what it reports.
  if (message == nullptr || message->state != MessageState::kQueued) return;
  if (status < 300) return Change(*message, MessageState::kSent, now);
  message->cause_status = status;
  message->cause_text = CleanText(phrase).substr(0, kMaxForeignId);
  Change(*message, MessageState::kFailed, now);
}

// ---- receiving

int MessageBook::Receive(const std::string& number, const std::string& id, const IncomingPage& page, Now now) {
  const PageContent content = ReadPageContent(page.content_type, page.body);
  if (const auto* unusable = std::get_if<UnusableContent>(&content)) return unusable->status;
  const std::string peer = call::ShownCallerOf(page.sender, config_.home_domain);
  if (const auto* imdn = std::get_if<Imdn>(&content)) {
    TakeReport(number, peer, *imdn, now);
    return 200;
  }
  Conversations& conversations = numbers_[number];
  // The same message for another device of the number, or again because our 200 was lost.
  if (conversations.keys.contains(page.transaction_key)) return 200;
  if (!conversations.received.Take(config_.received_per_minute, now.steady)) return 503;
  const auto& text = std::get<TextContent>(content);
  Message message;
  message.id = id;
  message.number = number;
  message.direction = Direction::kIncoming;
  message.peer = peer;
  message.peer_name = call::CleanDisplayName(page.sender.display_name);
  message.text = text.text;
  message.state = MessageState::kReceived;
  message.created_at = message.updated_at = now.wall;
  message.peer_uri = page.sender.uri;
  message.transaction_key = page.transaction_key;
  const bool may_report = !page.sender.uri.empty() && text.message_id.size() <= kMaxForeignId;
  message.sender_message_id = may_report ? text.message_id : "";
  message.sender_date_time = text.date_time.substr(0, 64);
  message.wants_delivery = text.wants_delivery && may_report;
  message.wants_display = text.wants_display && may_report;
  const Message& kept = Insert(std::move(message), now);
  actions_.push_back(PersistMessage{kept.id});
  actions_.push_back(TellDevices{kept, true});
  if (kept.wants_delivery) SendReport(kept, false, now);
  return 200;
}

void MessageBook::TakeReport(const std::string& number, const std::string& reporter, const Imdn& imdn, Now now) {
  Message* message = FindMutable(imdn.message_id);
  // Only of whom the message was for, to whom it was from.
  const bool is_ours = message != nullptr && message->number == number && message->peer == reporter &&
                       message->direction == Direction::kOutgoing && message->asks_report;
  if (!is_ours || message->state == MessageState::kDisplayed) return;
  switch (imdn.status) {
    case Imdn::Status::kDelivered:
      if (message->state != MessageState::kDelivered) Change(*message, MessageState::kDelivered, now);
      break;
    case Imdn::Status::kDisplayed: Change(*message, MessageState::kDisplayed, now); break;
    case Imdn::Status::kFailed:
      // Of several devices one has it.
      if (message->state == MessageState::kDelivered || message->state == MessageState::kFailed) break;
      message->cause_text = "Not delivered";
      Change(*message, MessageState::kFailed, now);
      break;
  }
}

void MessageBook::SendReport(const Message& message, bool is_display, Now now) {
  const std::string id = kReportPrefix + std::string(is_display ? "r-" : "d-") + message.id;
  Imdn imdn;
  imdn.message_id = message.sender_message_id;
  imdn.date_time = message.sender_date_time;
  imdn.recipient_uri = "tel:" + message.number;
  imdn.status = is_display ? Imdn::Status::kDisplayed : Imdn::Status::kDelivered;
  Cpim cpim;
  cpim.from = "tel:" + message.number;
  cpim.to = message.peer_uri;
  cpim.date_time = base::UtcText(now.wall);
  cpim.message_id = id;
  cpim.content_type = "message/imdn+xml";
  cpim.body = BuildImdn(imdn);
  actions_.push_back(SendPage{message.number, id, message.peer_uri, "message/cpim", BuildCpim(cpim)});
}

bool MessageBook::MarkRead(const std::string& number, const std::string& id, Now now) {
  const Message* last = Find(id);
  if (last == nullptr || last->number != number) return false;
  const std::string peer = last->peer;
  const uint64_t position = last->position;
  for (auto& [at, message] : numbers_.at(number).messages) {
    if (at > position) break;
    if (message.peer != peer || message.state != MessageState::kReceived) continue;
    if (message.wants_display) SendReport(message, true, now);
    Change(message, MessageState::kRead, now);
  }
  return true;
}

// ---- keeping

Message& MessageBook::Insert(Message message, Now now) {
  Conversations& conversations = numbers_[message.number];
  auto& messages = conversations.messages;
  if (message.position == 0) message.position = messages.empty() ? 1 : messages.rbegin()->first + 1;
  if (!message.transaction_key.empty()) conversations.keys.insert(message.transaction_key);
  if (by_id_.empty()) next_sweep_ = now.steady + kSweepInterval;
  const std::string id = message.id;
  const uint64_t position = message.position;
  by_id_[id] = {message.number, position};
  messages[position] = std::move(message);
  while (messages.size() > config_.max_kept_per_number && messages.begin()->first != position) {
    Remove(messages.begin()->second.id);
  }
  return messages[position];
}

void MessageBook::Restore(Message message, Now now) {
  if (message.created_at + config_.ttl <= now.wall) {
    actions_.push_back(EraseMessage{message.id});
    return;
  }
  Insert(std::move(message), now);
}

void MessageBook::Change(Message& message, MessageState state, Now now) {
  message.state = state;
  message.updated_at = now.wall;
  actions_.push_back(PersistMessage{message.id});
  actions_.push_back(TellDevices{message, false});
}

void MessageBook::Remove(const std::string& id) {
  const auto node = by_id_.extract(id);
  if (node.empty()) return;
  const auto& [number, position] = node.mapped();
  const auto conversations = numbers_.find(number);
  actions_.push_back(EraseMessage{node.key()});
  in_flight_.erase(node.key());
  const auto message = conversations->second.messages.extract(position);
  conversations->second.keys.erase(message.mapped().transaction_key);
}

bool MessageBook::Erase(const std::string& number, const std::string& id) {
  const Message* message = Find(id);
  if (message == nullptr || message->number != number) return false;
  Remove(std::string(id));
  return true;
}

Message* MessageBook::FindMutable(const std::string& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &numbers_.at(found->second.first).messages.at(found->second.second);
}

const Message* MessageBook::Find(const std::string& id) const {
  return const_cast<MessageBook*>(this)->FindMutable(id);
}

const Message* MessageBook::FindByCorrelator(const std::string& number, const std::string& client_correlator) const {
  const auto found = numbers_.find(number);
  if (found == numbers_.end() || client_correlator.empty()) return nullptr;
  for (const auto& [position, message] : found->second.messages) {
    if (message.client_correlator == client_correlator) return &message;
  }
  return nullptr;
}

std::vector<const Message*> MessageBook::List(const std::string& number, const Query& query) const {
  std::vector<const Message*> list;
  const auto found = numbers_.find(number);
  if (found == numbers_.end()) return list;
  const auto& messages = found->second.messages;
  auto it = messages.end();
  if (!query.before.empty()) {
    const Message* before = Find(query.before);
    if (before == nullptr || before->number != number) return list;
    it = messages.find(before->position);
  }
  while (it != messages.begin() && list.size() < query.limit) {
    --it;
    if (query.peer.empty() || it->second.peer == query.peer) list.push_back(&it->second);
  }
  return list;
}

std::vector<const Message*> MessageBook::Unread(const std::string& number, size_t limit) const {
  std::vector<const Message*> list;
  const auto found = numbers_.find(number);
  if (found == numbers_.end()) return list;
  const auto& messages = found->second.messages;
  for (auto it = messages.rbegin(); it != messages.rend() && list.size() < limit; ++it) {
    if (it->second.state == MessageState::kReceived) list.push_back(&it->second);
  }
  std::reverse(list.begin(), list.end());
  return list;
}

void MessageBook::HandleTimeout(Now now) {
  if (now.steady < NextDeadline()) return;
  next_sweep_ = now.steady + kSweepInterval;
  std::vector<std::string> expired;
  for (auto& [number, conversations] : numbers_) {
    for (auto& [position, message] : conversations.messages) {
      if (message.created_at + config_.ttl <= now.wall) {
        expired.push_back(message.id);
      } else if (message.state == MessageState::kQueued && !in_flight_.contains(message.id) &&
                 now.wall - message.created_at >= config_.queue_deadline) {
        message.cause_text = "No registration to send from";
        Change(message, MessageState::kFailed, now);
      }
    }
  }
  for (const std::string& id : expired) Remove(id);
  // Full buckets and no messages: nothing to remember.
  std::erase_if(numbers_, [&](const auto& entry) {
    const auto is_idle = [&](const Bucket& bucket) { return !bucket.at || now.steady - *bucket.at > kSweepInterval; };
    return entry.second.messages.empty() && is_idle(entry.second.sent) && is_idle(entry.second.received);
  });
}

std::optional<Action> MessageBook::PollAction() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace byon::messaging
