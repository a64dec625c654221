#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "controlplane/gateway/dialog_directory.h"
#include "controlplane/gateway/line_directory.h"
#include "controlplane/gateway/presence_service.h"
#include "controlplane/gateway/runtime_ports.h"
#include "controlplane/store/slice_reader.h"

namespace byon::gateway {

// Everything that presence speaks to; all outlive it, all are used on its strand only.
struct PresencePorts {
  presence::EventSignaling& signaling;
  const LineDirectory& lines;
  store::Store& store;
  EventSink& events;
  const Clock& clock;
  // Leads back to the strand, from any thread.
  std::function<void(std::function<void()>)> post;
};

// Joins the presence book to SIP, the store and the devices. Hears of the gateway's own calls as an
// event sink, like a device.
class Presence final : public PresenceService,
                       public presence::EventObserver,
                       public LineObserver,
                       public DialogDirectory,
                       public EventSink {
 public:
  Presence(presence::PresenceConfig config, PresencePorts ports) : ports_(ports), book_(std::move(config)) {}

  // Takes up what an earlier process left in the store; once, before lines are restored. It goes on between other
  // things on the strand; until `done` is called the API is told to come again.
  void Restore(std::function<void()> done = nullptr);
  // The live dialogs of a number on all its devices, the SIM phone's too: what may be taken over with
  // Replaces (RFC 3891) by call-id and tags.
  std::vector<presence::DialogEntry> DialogsOf(const std::string& phone_number) const override {
    return book_.OwnState(phone_number).dialogs;
  }

  // PresenceService
  Outcome<PresenceList> GetPresence(const Principal& who, const std::string& phone_number) override;
  Outcome<presence::PresenceState> GetWatched(const Principal& who, const std::string& phone_number,
                                              const std::string& target) override;
  Outcome<presence::PresenceState> WatchNumber(const Principal& who, const std::string& phone_number,
                                               const std::string& target) override;
  Outcome<Done> UnwatchNumber(const Principal& who, const std::string& phone_number,
                              const std::string& target) override;

  // presence::EventObserver
  void OnDocument(const std::string& watch_id, std::string document) override;
  void OnWatchInterrupted(const std::string& watch_id) override;
  void OnWatchRefused(const std::string& watch_id, int status) override;
  void OnPublicationRefused(const std::string&, int) override {}  // counted below; there is nobody to tell

  // LineObserver
  void OnLineUp(const Line& line, LineUp how) override;
  void OnLineDown(const std::string& registration_id) override;
  void OnCallAway(const MediaSession& session) override;

  // EventSink
  void OnEvent(const DeviceKey& device, const Event& event) override;

 private:
  void Drain();
  void TakeWatches(const store::Record& kept);
  void TellCall(const MediaSession& session);
  void Execute(presence::Action& action);
  // The number that `who` speaks for.
  Outcome<std::string> NumberOf(const Principal& who, const std::string& phone_number) const;

  PresencePorts ports_;
  presence::PresenceBook book_;
  bool is_restored_ = false;
  std::unique_ptr<store::SliceReader> reader_;  // while it restores
  std::map<std::string, std::string> numbers_;  // by registration
  std::set<std::string> away_;                  // calls that have left their device
};

}  // namespace byon::gateway
