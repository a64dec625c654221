#include "dataplane/net/neighbour_table.h"

#include <algorithm>

namespace byon::net {

NeighbourTable::Entry* NeighbourTable::Find(const IpAddress& ip) {
  for (Entry& entry : sets_[ip.Hash() % kSets]) {
    if (entry.state != State::kFree && entry.ip == ip) return &entry;
  }
  return nullptr;
}

NeighbourTable::Entry* NeighbourTable::Create(const IpAddress& ip, base::Timestamp now) {
  Entry* victim = nullptr;
  for (Entry& entry : sets_[ip.Hash() % kSets]) {
    if (entry.state == State::kFree) {
      victim = &entry;
      break;
    }
    // One that packets wait for is not given up for a newcomer.
    if (!entry.pending.empty()) continue;
    if (victim == nullptr || entry.last_used < victim->last_used) victim = &entry;
  }
  if (victim == nullptr) return nullptr;
  *victim = Entry();
  victim->state = State::kIncomplete;
  victim->ip = ip;
  victim->last_used = now;
  victim->deadline = now;
  return victim;
}

void NeighbourTable::Solicit(Entry& entry, base::Timestamp now) {
  ++entry.solicitations;
  entry.deadline = now + kRetryInterval;
  next_deadline_ = std::min(next_deadline_, entry.deadline);
  Solicitation solicitation{entry.ip, std::nullopt};
  if (entry.state == State::kProbing) solicitation.mac = entry.mac;
  // When the list is full the retry asks again.
  (void)solicitations_.PushBack(solicitation);
}

NeighbourTable::Resolution NeighbourTable::Resolve(const IpAddress& ip, void* packet, base::Timestamp now) {
  Entry* entry = Find(ip);
  if (entry == nullptr) {
    entry = Create(ip, now);
    if (entry == nullptr) return {Outcome::kTableFull, {}};
    Solicit(*entry, now);
  }
  entry->last_used = now;
  if (entry->state == State::kReachable && entry->deadline <= now) {
    // Still used, no longer sure: RFC 4861 section 7.3.3 (PROBE).
    entry->state = State::kProbing;
    entry->solicitations = 0;
    Solicit(*entry, now);
  }
  if (entry->state != State::kIncomplete) return {Outcome::kReady, entry->mac};
  if (pending_count_ == kMaxPending || !entry->pending.PushBack(packet)) {
    return {Outcome::kQueueFull, {}};
  }
  ++pending_count_;
  return {Outcome::kQueued, {}};
}

void NeighbourTable::Learn(const IpAddress& ip, const MacAddress& mac, bool may_create, bool is_confirmation,
                           base::Timestamp now) {
  if (mac.is_group() || mac.is_zero()) return;
  Entry* entry = Find(ip);
  if (entry == nullptr) {
    if (!may_create) return;
    entry = Create(ip, now);
    if (entry == nullptr) return;
  }
  const bool is_new = entry->state == State::kIncomplete;
  const bool has_moved = !is_new && entry->mac != mac;
  entry->mac = mac;
  if (is_new || is_confirmation || has_moved) {
    entry->state = State::kReachable;
    entry->solicitations = 0;
    // What was merely overheard is used, and proved at its first use.
    entry->deadline = is_confirmation ? now + kReachableTime : now;
  }
  Release(*entry, true);
}

void NeighbourTable::Release(Entry& entry, bool is_reachable) {
  for (void* packet : entry.pending) {
    // Never full: at most kMaxPending packets are inside.
    if (is_reachable) {
      (void)ready_.PushBack({packet, entry.mac});
    } else {
      (void)unreachable_.PushBack(packet);
    }
  }
  entry.pending.Clear();
}

void NeighbourTable::HandleTimeout(base::Timestamp now) {
  if (now < next_deadline_) return;
  next_deadline_ = base::Timestamp::Infinite();
  for (auto& set : sets_) {
    for (Entry& entry : set) {
      if (entry.state != State::kIncomplete && entry.state != State::kProbing) continue;
      if (entry.deadline > now) {
        next_deadline_ = std::min(next_deadline_, entry.deadline);
      } else if (entry.solicitations < kMaxSolicitations) {
        Solicit(entry, now);
      } else {
        Release(entry, false);
        entry = Entry();
      }
    }
  }
}

std::optional<NeighbourTable::Solicitation> NeighbourTable::PollSolicitation() {
  if (solicitations_.empty()) return std::nullopt;
  const Solicitation solicitation = solicitations_.back();
  solicitations_.PopBack();
  return solicitation;
}

std::optional<NeighbourTable::ReadyPacket> NeighbourTable::PollReady() {
  if (ready_.empty()) return std::nullopt;
  // In the order they came: RTP would be reordered otherwise.
  const ReadyPacket packet = ready_[0];
  ready_.Erase(0);
  --pending_count_;
  return packet;
}

std::optional<void*> NeighbourTable::PollUnreachable() {
  if (unreachable_.empty()) return std::nullopt;
  void* packet = unreachable_.back();
  unreachable_.PopBack();
  --pending_count_;
  return packet;
}

size_t NeighbourTable::size() const {
  size_t count = 0;
  for (const auto& set : sets_) {
    count += static_cast<size_t>(
        std::count_if(set.begin(), set.end(), [](const Entry& entry) { return entry.state != State::kFree; }));
  }
  return count;
}

}  // namespace byon::net
