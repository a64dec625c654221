#include "controlplane/registration/registration_table.h"

#include <algorithm>
#include <boost/multi_index/composite_key.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index_container.hpp>
#include <memory_resource>
#include <utility>

#include "controlplane/registration/text_packer.h"

namespace byon::registration {
namespace {

namespace mi = boost::multi_index;

struct Row {
  PackedTexts texts;
  TextHash id = 0;
  TextHash token = 0;
  TextHash device = 0;
  TextHash client = 0;
  TextHash user = 0;
  TextHash number = 0;
  SteadyTime deadline = kNever;  // the first of those below

  RequestId request = 0;
  WallTime expires_at;
  WallTime token_expires_at;
  WallTime sip_expires_at;
  SteadyTime expiry_deadline = kNever;
  SteadyTime token_deadline = kNever;
  SteadyTime sip_expiry_deadline = kNever;
  SteadyTime refresh_deadline = kNever;
  SteadyTime ending_deadline = kNever;
  uint32_t granted_s = 0;
  State state = State::kRegistering;
  uint8_t failures = 0;
  bool is_refresh_pending = false;
  bool is_two_legged = false;
};

struct ById {};
struct ByToken {};
struct ByDevice {};
struct ByUser {};
struct ByNumber {};
struct ByDeadline {};
using Container = mi::multi_index_container<
    Row,
    mi::indexed_by<
        mi::hashed_non_unique<mi::tag<ById>, mi::member<Row, TextHash, &Row::id>>,
        mi::hashed_non_unique<mi::tag<ByToken>, mi::member<Row, TextHash, &Row::token>>,
        mi::hashed_non_unique<mi::tag<ByDevice>, mi::member<Row, TextHash, &Row::device>>,
        mi::hashed_non_unique<mi::tag<ByNumber>, mi::member<Row, TextHash, &Row::number>>,
        mi::ordered_non_unique<mi::tag<ByUser>, mi::composite_key<Row, mi::member<Row, TextHash, &Row::client>,
                                                                  mi::member<Row, TextHash, &Row::user>>>,
        mi::ordered_non_unique<mi::tag<ByDeadline>, mi::member<Row, SteadyTime, &Row::deadline>>>,
    std::pmr::polymorphic_allocator<Row>>;

PackedTexts PackTexts(TextPacker& packer, const RegistrationRecord& record) {
  const RegistrationOwner& owner = record.owner;
  // What can be computed again is not kept.
  const bool is_computed = record.instance_id == InstanceIdOf(owner.phone_number, owner.device_id);
  std::vector<std::string_view> texts{record.id,
                                      owner.client_id,
                                      owner.user,
                                      owner.phone_number,
                                      owner.device_id,
                                      record.impu,
                                      record.impi,
                                      is_computed ? std::string_view() : record.instance_id,
                                      record.contact_token,
                                      record.push,
                                      record.registered.next_hop,
                                      record.registered.snapshot};
  for (const std::string& route : record.registered.service_route) {
    if (!route.empty()) texts.emplace_back(route);
  }
  texts.emplace_back();  // between the two lists
  for (const std::string& uri : record.registered.associated_uris) texts.emplace_back(uri);
  return packer.Pack(texts);
}

void UnpackTexts(std::vector<std::string> texts, RegistrationRecord& record) {
  RegistrationOwner& owner = record.owner;
  auto next = texts.begin();
  for (std::string* text : {&record.id, &owner.client_id, &owner.user, &owner.phone_number, &owner.device_id,
                            &record.impu, &record.impi, &record.instance_id, &record.contact_token, &record.push,
                            &record.registered.next_hop, &record.registered.snapshot}) {
    *text = std::move(*next++);
  }
  if (record.instance_id.empty()) record.instance_id = InstanceIdOf(owner.phone_number, owner.device_id);
  const auto middle = std::find(next, texts.end(), "");
  record.registered.service_route.assign(std::move_iterator(next), std::move_iterator(middle));
  record.registered.associated_uris.assign(std::move_iterator(middle + 1), std::move_iterator(texts.end()));
}

}  // namespace

SteadyTime Entry::NextDeadline() const {
  if (state == State::kEnding) return ending_deadline;
  return std::min({expiry_deadline, token_deadline, sip_expiry_deadline, refresh_deadline});
}

class RegistrationTable::Rows {
 public:
  TextPacker packer;
  std::pmr::unsynchronized_pool_resource pool;
  Container rows{Container::ctor_args_list(), &pool};
  size_t registered_count = 0;

  std::string IdOf(const Row& row) const { return packer.Unpack(row.texts).front(); }

  auto Find(const RegistrationId& id) const {
    const auto [begin, end] = rows.get<ById>().equal_range(HashOfText(id));
    const auto found = std::find_if(begin, end, [&](const Row& row) { return IdOf(row) == id; });
    return found == end ? rows.get<ById>().end() : found;
  }

  Entry Unpack(const Row& row) const {
    Entry entry;
    UnpackTexts(packer.Unpack(row.texts), entry.record);
    entry.record.owner.is_two_legged = row.is_two_legged;
    entry.record.expires_at = row.expires_at;
    entry.record.token_expires_at = row.token_expires_at;
    entry.record.sip_expires_at = row.sip_expires_at;
    entry.record.registered.expires = std::chrono::seconds(row.granted_s);
    entry.state = row.state;
    entry.request = row.request;
    entry.is_refresh_pending = row.is_refresh_pending;
    entry.failures = row.failures;
    entry.expiry_deadline = row.expiry_deadline;
    entry.token_deadline = row.token_deadline;
    entry.sip_expiry_deadline = row.sip_expiry_deadline;
    entry.refresh_deadline = row.refresh_deadline;
    entry.ending_deadline = row.ending_deadline;
    entry.has_new_texts = false;
    // Both deadlines are of the steady clock: what lies between them holds for the wall's too.
    const bool is_planned = row.refresh_deadline != kNever && row.sip_expiry_deadline != kNever;
    if (is_planned) {
      entry.record.refresh_at = row.sip_expires_at - std::chrono::duration_cast<WallTime::duration>(
                                                         row.sip_expiry_deadline - row.refresh_deadline);
    }
    return entry;
  }

  void Fill(Row& row, const Entry& entry) {
    const RegistrationRecord& record = entry.record;
    if (entry.has_new_texts) {
      row.texts = PackTexts(packer, record);
      row.id = HashOfText(record.id);
      row.token = HashOfText(record.contact_token);
      row.device = HashOfText(record.owner.device_id);
      row.client = HashOfText(record.owner.client_id);
      row.user = HashOfText(record.owner.user);
      row.number = HashOfText(record.owner.phone_number);
    }
    row.is_two_legged = record.owner.is_two_legged;
    row.expires_at = record.expires_at;
    row.token_expires_at = record.token_expires_at;
    row.sip_expires_at = record.sip_expires_at;
    row.granted_s = static_cast<uint32_t>(record.registered.expires.count());
    row.state = entry.state;
    row.request = entry.request;
    row.is_refresh_pending = entry.is_refresh_pending;
    row.failures = entry.failures;
    row.expiry_deadline = entry.expiry_deadline;
    row.token_deadline = entry.token_deadline;
    row.sip_expiry_deadline = entry.sip_expiry_deadline;
    row.refresh_deadline = entry.refresh_deadline;
    row.ending_deadline = entry.ending_deadline;
    row.deadline = entry.NextDeadline();
  }

  template <typename Range, typename Is>
  std::vector<Entry> Matching(const Range& range, Is is_meant) const {
    std::vector<Entry> found;
    for (auto row = range.first; row != range.second; ++row) {
      Entry entry = Unpack(*row);
      if (is_meant(entry.record)) found.push_back(std::move(entry));
    }
    return found;
  }
};

RegistrationTable::RegistrationTable() : rows_(std::make_unique<Rows>()) {}
RegistrationTable::~RegistrationTable() = default;

void RegistrationTable::Put(const Entry& entry) {
  auto& by_id = rows_->rows.get<ById>();
  const auto found = rows_->Find(entry.record.id);
  if (entry.state == State::kRegistered) ++rows_->registered_count;
  if (found == by_id.end()) {
    Row row;
    rows_->Fill(row, entry);
    rows_->rows.insert(std::move(row));
    return;
  }
  if (found->state == State::kRegistered) --rows_->registered_count;
  by_id.modify(found, [&](Row& row) { rows_->Fill(row, entry); });
}

void RegistrationTable::Erase(const RegistrationId& id) {
  const auto found = rows_->Find(id);
  if (found == rows_->rows.get<ById>().end()) return;
  if (found->state == State::kRegistered) --rows_->registered_count;
  rows_->rows.get<ById>().erase(found);
}

std::optional<Entry> RegistrationTable::Get(const RegistrationId& id) const {
  auto found = rows_->Matching(rows_->rows.get<ById>().equal_range(HashOfText(id)),
                               [&](const RegistrationRecord& record) { return record.id == id; });
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

bool RegistrationTable::IsRegistered(const RegistrationId& id) const {
  const auto [begin, end] = rows_->rows.get<ById>().equal_range(HashOfText(id));
  return std::any_of(begin, end, [](const auto& row) { return row.state == State::kRegistered; });
}

std::vector<Entry> RegistrationTable::FindByToken(const std::string& contact_token) const {
  return rows_->Matching(rows_->rows.get<ByToken>().equal_range(HashOfText(contact_token)),
                         [&](const RegistrationRecord& record) { return record.contact_token == contact_token; });
}

std::vector<Entry> RegistrationTable::FindByDevice(const std::string& device_id) const {
  return rows_->Matching(rows_->rows.get<ByDevice>().equal_range(HashOfText(device_id)),
                         [&](const RegistrationRecord& record) { return record.owner.device_id == device_id; });
}

std::vector<Entry> RegistrationTable::FindByUser(const std::string& client_id, const std::string& user) const {
  return rows_->Matching(
      rows_->rows.get<ByUser>().equal_range(boost::make_tuple(HashOfText(client_id), HashOfText(user))),
      [&](const RegistrationRecord& record) {
        return record.owner.client_id == client_id && record.owner.user == user;
      });
}

std::vector<Entry> RegistrationTable::FindByClient(const std::string& client_id) const {
  return rows_->Matching(rows_->rows.get<ByUser>().equal_range(HashOfText(client_id)),
                         [&](const RegistrationRecord& record) { return record.owner.client_id == client_id; });
}

std::pair<std::vector<Entry>, size_t> RegistrationTable::PageOfClient(const std::string& client_id, size_t first,
                                                                      size_t count) const {
  const auto [begin, end] = rows_->rows.get<ByUser>().equal_range(HashOfText(client_id));
  std::vector<Entry> page;
  size_t total = 0;
  for (auto row = begin; row != end; ++row) {
    if (row->state != State::kRegistered) continue;
    if (total++ < first || page.size() == count) continue;
    Entry entry = rows_->Unpack(*row);
    // Another client's hash may be the same.
    if (entry.record.owner.client_id == client_id) {
      page.push_back(std::move(entry));
    } else {
      --total;
    }
  }
  return {std::move(page), total};
}

std::vector<Entry> RegistrationTable::FindByNumber(const std::string& phone_number) const {
  return rows_->Matching(rows_->rows.get<ByNumber>().equal_range(HashOfText(phone_number)),
                         [&](const RegistrationRecord& record) { return record.owner.phone_number == phone_number; });
}

void RegistrationTable::ForEach(const std::function<void(const Entry&)>& visit) const {
  for (const Row& row : rows_->rows) visit(rows_->Unpack(row));
}

std::vector<RegistrationTable::Ticket> RegistrationTable::Tickets() const {
  std::vector<Ticket> tickets;
  tickets.reserve(size());
  for (const Row& row : rows_->rows) tickets.push_back(row.id);
  return tickets;
}

std::vector<Entry> RegistrationTable::Of(Ticket ticket) const {
  return rows_->Matching(rows_->rows.get<ById>().equal_range(ticket), [](const RegistrationRecord&) { return true; });
}

size_t RegistrationTable::size() const { return rows_->rows.size(); }
size_t RegistrationTable::registered_count() const { return rows_->registered_count; }

SteadyTime RegistrationTable::NextDeadline() const {
  const auto& by_deadline = rows_->rows.get<ByDeadline>();
  return by_deadline.empty() ? kNever : by_deadline.begin()->deadline;
}

std::optional<Entry> RegistrationTable::First() const {
  const auto& by_deadline = rows_->rows.get<ByDeadline>();
  if (by_deadline.empty()) return std::nullopt;
  return rows_->Unpack(*by_deadline.begin());
}

}  // namespace byon::registration
