#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controlplane/gateway/line_directory.h"
#include "controlplane/gateway/messaging_service.h"
#include "controlplane/gateway/runtime_ports.h"
#include "controlplane/messaging/message_book.h"
#include "controlplane/store/slice_reader.h"

namespace byon::gateway {

// Everything that messaging speaks to; all outlive it, all are used on its strand only.
struct MessagingPorts {
  messaging::PagerSignaling& pager;
  const LineDirectory& lines;
  store::Store& store;
  EventSink& events;
  const Clock& clock;
  IdSource& ids;
  Alarm& alarm;
  // Leads back to the strand, from any thread.
  std::function<void(std::function<void()>)> post;
};

// Joins the message book to SIP, the store and the devices.
class Messaging final : public MessagingService, public messaging::PagerObserver, public LineObserver {
 public:
  Messaging(messaging::MessagingConfig config, MessagingPorts ports);
  ~Messaging() override;
  Messaging(const Messaging&) = delete;
  Messaging& operator=(const Messaging&) = delete;

  // Takes up what an earlier process left in the store; once, before lines are restored. It goes on between other
  // things on the strand; until `done` is called the API is told to come again, and so is the network.
  void Restore(std::function<void()> done = nullptr);

  // MessagingService
  Outcome<messaging::Message> SendMessage(const Principal& who, MessageRequest request) override;
  Outcome<messaging::Message> GetMessage(const Principal& who, const std::string& id) override;
  Outcome<std::vector<messaging::Message>> ListMessages(const Principal& who, const MessageQuery& query) override;
  Outcome<Done> MarkMessageRead(const Principal& who, const std::string& id) override;
  Outcome<Done> DeleteMessage(const Principal& who, const std::string& id) override;

  // messaging::PagerObserver
  void OnPage(messaging::PageHandle handle, messaging::IncomingPage page) override;
  void OnPageAnswered(const std::string& id, int status, std::string phrase) override;

  // LineObserver
  void OnLineUp(const Line& line, LineUp how) override;
  void OnLineDown(const std::string&) override {}

 private:
  // Carries out what the book left behind, and sets the alarm.
  void Drain();
  void RestoreFound(std::function<void()> done);
  void Execute(messaging::Action& action);
  // The numbers whose messages `who` may see.
  bool Owns(const Principal& who, const std::string& number) const;
  const messaging::Message* FindOwn(const Principal& who, const std::string& id) const;

  const std::chrono::seconds ttl_;
  MessagingPorts ports_;
  messaging::MessageBook book_;
  bool is_restored_ = false;
  std::unique_ptr<store::SliceReader> reader_;  // while it restores
  std::vector<messaging::Message> found_;       // the same
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::gateway
