#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/sip/registrations/binding.h"

namespace byon::sip {

// The bindings of one shard at rest, their texts packed (registration::TextPacker). What is found is a copy; Put()
// takes it back.
class BindingTable {
 public:
  BindingTable();
  ~BindingTable();
  BindingTable(const BindingTable&) = delete;
  BindingTable& operator=(const BindingTable&) = delete;

  // Inserts or replaces the binding of this id.
  void Put(const Binding& binding);
  void Erase(const registration::RegistrationId& id);
  std::optional<Binding> Get(const registration::RegistrationId& id) const;
  // By the user part of our Contact; the id only, empty: none.
  registration::RegistrationId IdOfToken(const std::string& contact_token) const;
  // What stands for each until IdsOf() unpacks it: a hundred thousand at once would hold up the thread.
  using Ticket = uint32_t;
  static Ticket TicketOf(const registration::RegistrationId& id);
  std::vector<Ticket> RegisteredThrough(size_t hop) const;
  // One, or none when it is gone; seldom another one's too.
  std::vector<registration::RegistrationId> IdsOf(Ticket ticket) const;
  std::set<size_t> HopsOfRegistered() const;
  std::set<size_t> Hops() const;

 private:
  class Rows;
  std::unique_ptr<Rows> rows_;
};

}  // namespace byon::sip
