#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/registration/registration_record.h"

namespace byon::registration {

using RequestId = uint64_t;  // given by the caller; 0 is nobody

enum class State : uint8_t { kRegistering, kRegistered, kEnding };

// A registration while something is done with it.
struct Entry {
  RegistrationRecord record;
  State state = State::kRegistering;
  RequestId request = 0;
  bool is_refresh_pending = false;
  uint8_t failures = 0;  // in a row
  SteadyTime expiry_deadline = kNever;
  SteadyTime token_deadline = kNever;
  SteadyTime sip_expiry_deadline = kNever;
  SteadyTime refresh_deadline = kNever;  // of the next REGISTER, also after a failure
  SteadyTime ending_deadline = kNever;
  // A text of the record is another one than Get() gave.
  bool has_new_texts = true;

  SteadyTime NextDeadline() const;
};

// All registrations, at rest: a million of them wait for hours, so their texts are packed (TextPacker) and the indexes
// hold hashes. What is found is a copy; Put() takes it back.
class RegistrationTable {
 public:
  RegistrationTable();
  ~RegistrationTable();
  RegistrationTable(const RegistrationTable&) = delete;
  RegistrationTable& operator=(const RegistrationTable&) = delete;

  // Inserts or replaces the registration of this id.
  void Put(const Entry& entry);
  void Erase(const RegistrationId& id);

  std::optional<Entry> Get(const RegistrationId& id) const;
  // By the hash of the id alone.
  bool IsRegistered(const RegistrationId& id) const;
  // In any state; the owner judges.
  std::vector<Entry> FindByToken(const std::string& contact_token) const;
  std::vector<Entry> FindByDevice(const std::string& device_id) const;
  std::vector<Entry> FindByUser(const std::string& client_id, const std::string& user) const;
  std::vector<Entry> FindByClient(const std::string& client_id) const;
  // Of the registered ones those from `first` on, `count` at most, and how many there are. Only these are unpacked.
  std::pair<std::vector<Entry>, size_t> PageOfClient(const std::string& client_id, size_t first, size_t count) const;
  std::vector<Entry> FindByNumber(const std::string& phone_number) const;
  void ForEach(const std::function<void(const Entry&)>& visit) const;
  // What stands for each until Of() unpacks it: a million at once would hold up the strand.
  using Ticket = uint32_t;
  std::vector<Ticket> Tickets() const;
  // One, or none when it is gone; seldom another one's too.
  std::vector<Entry> Of(Ticket ticket) const;

  size_t size() const;
  size_t registered_count() const;  // in state kRegistered
  SteadyTime NextDeadline() const;
  // The one whose deadline comes first; none when there are no registrations.
  std::optional<Entry> First() const;

 private:
  class Rows;
  std::unique_ptr<Rows> rows_;
};

}  // namespace byon::registration
