#include "controlplane/gateway/messaging.h"

#include <algorithm>

#include "controlplane/gateway/record_json.h"

namespace byon::gateway {
namespace {

using messaging::DraftRefusal;
using messaging::Message;

// A device that comes is told of so many unread messages; it can list the others.
constexpr size_t kMostWaiting = 50;

Error NotFound(const LineDirectory& lines) {
  return lines.is_restoring() ? StillRestoring() : Error{ErrorCode::kNotFound, "The specified resource is not found."};
}

Error ToError(DraftRefusal refusal, size_t max_text_bytes) {
  switch (refusal) {
    case DraftRefusal::kBadAddress:
      return {ErrorCode::kInvalidArgument, "to cannot be reached: a tel: number or sip: address is needed."};
    case DraftRefusal::kEmergency:
      return {ErrorCode::kEmergencyNotSupported, "Messages to emergency services are not supported."};
    case DraftRefusal::kBarred:
      return {ErrorCode::kPermissionDenied, "The operator does not let this number be written to from here."};
    case DraftRefusal::kBadText:
      return {ErrorCode::kInvalidArgument, "text must be 1 or more characters without control characters."};
    case DraftRefusal::kTooLong:
      return {ErrorCode::kInvalidArgument,
              "text must have at most " + std::to_string(max_text_bytes) + " bytes in UTF-8."};
    case DraftRefusal::kTooMany:
      return {ErrorCode::kTooManyRequests, "Too many messages of this number; try again in a minute."};
  }
  return {};
}

}  // namespace

Messaging::Messaging(messaging::MessagingConfig config, MessagingPorts ports)
    : ttl_(config.ttl), ports_(std::move(ports)), book_(std::move(config)) {}

Messaging::~Messaging() {
  *is_alive_ = false;
  ports_.alarm.Cancel();
}

void Messaging::Restore(std::function<void()> done) {
  reader_ = std::make_unique<store::SliceReader>(ports_.store, ports_.post);
  reader_->ReadAll(
      store::Kind::kMessage,
      [this](store::Record& kept) {
        if (auto message = ReadMessage(kept.value)) return found_.push_back(std::move(*message));
        ports_.store.Delete(store::Kind::kMessage, kept.key);
      },
      [this, done = std::move(done)] {
        // The book drops the oldest of a number with too many: they have to be there first.
        std::sort(found_.begin(), found_.end(),
                  [](const Message& a, const Message& b) { return a.position > b.position; });
        RestoreFound(done);
      });
}

// The oldest first, from the end.
void Messaging::RestoreFound(std::function<void()> done) {
  for (size_t count = 0; count < store::SliceReader::kSlice && !found_.empty(); ++count) {
    book_.Restore(std::move(found_.back()), ports_.clock.Read());
    found_.pop_back();
  }
  Drain();
  if (!found_.empty()) return reader_->Later([this, done = std::move(done)] { RestoreFound(done); });
  found_.shrink_to_fit();
  is_restored_ = true;
  if (done) done();
}

void Messaging::Drain() {
  while (auto action = book_.PollAction()) Execute(*action);
  if (book_.NextDeadline() == call::kNoDeadline) return ports_.alarm.Cancel();
  ports_.alarm.Set(book_.NextDeadline(), [this] {
    book_.HandleTimeout(ports_.clock.Read());
    Drain();
  });
}

void Messaging::Execute(messaging::Action& action) {
  if (auto* page = std::get_if<messaging::SendPage>(&action)) {
    const std::vector<Line> lines = ports_.lines.LinesOfNumber(page->number);
    // Without one a message waits for a registration; a report is not worth waiting.
    if (lines.empty()) return book_.OnPageHeld(page->id);
    ports_.pager.Send({page->id, lines.front().binding, page->target_uri, page->content_type, std::move(page->body)});
  } else if (auto* tell = std::get_if<messaging::TellDevices>(&action)) {
    for (const Line& line : ports_.lines.LinesOfNumber(tell->message.number)) {
      if (tell->is_new) {
        ports_.events.OnEvent(line.device, MessageReceived{line.registration_id, tell->message});
      } else {
        ports_.events.OnEvent(line.device, MessageStatus{line.registration_id, tell->message});
      }
    }
  } else if (auto* persist = std::get_if<messaging::PersistMessage>(&action)) {
    const Message* message = book_.Find(persist->id);
    if (message == nullptr) return;
    ports_.store.Put(store::Kind::kMessage, message->id, ToJson(*message), message->created_at + ttl_);
  } else {
    ports_.store.Delete(store::Kind::kMessage, std::get<messaging::EraseMessage>(action).id);
  }
}

bool Messaging::Owns(const Principal& who, const std::string& number) const {
  if (!who.is_two_legged) return who.phone_number == number;
  return !ports_.lines.LinesOf(who, number).empty();
}

const Message* Messaging::FindOwn(const Principal& who, const std::string& id) const {
  const Message* message = book_.Find(id);
  return message != nullptr && Owns(who, message->number) ? message : nullptr;
}

// ---- MessagingService

Outcome<Message> Messaging::SendMessage(const Principal& who, MessageRequest request) {
  if (!is_restored_) return StillRestoring();
  auto line = ports_.lines.FindLine(who, request.registration_id);
  if (!line && ports_.lines.is_restoring()) return StillRestoring();
  if (!request.registration_id.empty() && !line) {
    return Error{ErrorCode::kInvalidTokenContext, "registrationId is not consistent with access token."};
  }
  if (request.registration_id.empty() && who.is_two_legged) {
    return Error{ErrorCode::kMissingIdentifier, "The registrationId must be given with a two-legged token."};
  }
  if (!line) {
    const std::vector<Line> lines = ports_.lines.LinesOf(who, who.phone_number.value_or(""));
    if (lines.empty()) {
      return Error{ErrorCode::kIncompatibleState, "The number is not registered; a message leaves by a registration."};
    }
    line = lines.front();
  }
  std::string correlator;
  if (!request.client_correlator.empty()) {
    correlator = who.client_id + '\n' + request.client_correlator;
    if (const Message* known = book_.FindByCorrelator(line->phone_number, correlator)) return *known;
  }
  auto outcome = book_.Compose({.id = ports_.ids.NewId(),
                                .number = line->phone_number,
                                .to = std::move(request.to),
                                .text = std::move(request.text),
                                .asks_report = request.wants_report,
                                .client_correlator = correlator},
                               ports_.clock.Read());
  Drain();
  if (const auto* refusal = std::get_if<DraftRefusal>(&outcome)) return ToError(*refusal, book_.max_text_bytes());
  return std::get<Message>(std::move(outcome));
}

Outcome<Message> Messaging::GetMessage(const Principal& who, const std::string& id) {
  const Message* message = FindOwn(who, id);
  if (message == nullptr) return NotFound(ports_.lines);
  return *message;
}

Outcome<std::vector<Message>> Messaging::ListMessages(const Principal& who, const MessageQuery& query) {
  if (who.is_two_legged && query.phone_number.empty()) {
    return Error{ErrorCode::kMissingIdentifier, "The phoneNumber must be given with a two-legged token."};
  }
  if (!who.is_two_legged && !query.phone_number.empty()) {
    return Error{ErrorCode::kUnnecessaryIdentifier,
                 "The phoneNumber is that of the access token and must not be given."};
  }
  const std::string number = who.is_two_legged ? query.phone_number : who.phone_number.value_or("");
  if (number.empty()) return Error{ErrorCode::kInvalidTokenContext, "The access token names no phone number."};
  if (!Owns(who, number)) return NotFound(ports_.lines);
  if (!is_restored_) return StillRestoring();
  std::vector<Message> list;
  for (const Message* message : book_.List(number, {query.peer, query.before, query.limit})) list.push_back(*message);
  return list;
}

Outcome<Done> Messaging::MarkMessageRead(const Principal& who, const std::string& id) {
  const Message* message = FindOwn(who, id);
  if (message == nullptr) return NotFound(ports_.lines);
  book_.MarkRead(message->number, id, ports_.clock.Read());
  Drain();
  return Done{};
}

Outcome<Done> Messaging::DeleteMessage(const Principal& who, const std::string& id) {
  const Message* message = FindOwn(who, id);
  if (message == nullptr) return NotFound(ports_.lines);
  book_.Erase(std::string(message->number), id);
  Drain();
  return Done{};
}

// ---- from the network

void Messaging::OnPage(messaging::PageHandle handle, messaging::IncomingPage page) {
  // It may be one that came before, and must not be kept twice.
  if (!is_restored_) return ports_.pager.Answer(handle, 480);
  const auto line = ports_.lines.FindByContactToken(page.contact_token);
  if (!line) return ports_.pager.Answer(handle, 404);
  const int status = book_.Receive(line->phone_number, ports_.ids.NewId(), page, ports_.clock.Read());
  Drain();
  if (status != 200) return ports_.pager.Answer(handle, status);
  // The network forgets it with our 200: not before it would survive us.
  ports_.store.AfterWrites([this, handle, is_alive = is_alive_, post = ports_.post](bool are_safe) {
    post([this, handle, is_alive, are_safe] {
      if (*is_alive) ports_.pager.Answer(handle, are_safe ? 200 : 503);
    });
  });
}

void Messaging::OnPageAnswered(const std::string& id, int status, std::string phrase) {
  book_.OnPageAnswered(id, status, phrase, ports_.clock.Read());
  Drain();
}

// ---- lines

void Messaging::OnLineUp(const Line& line, LineUp how) {
  book_.HandleLineUp(line.phone_number, ports_.clock.Read());
  Drain();
  // A restored one was told by the process before; its event channel still has what it has not taken.
  if (how != LineUp::kNew) return;
  for (const Message* message : book_.Unread(line.phone_number, kMostWaiting)) {
    ports_.events.OnEvent(line.device, MessageReceived{line.registration_id, *message});
  }
}

}  // namespace byon::gateway
