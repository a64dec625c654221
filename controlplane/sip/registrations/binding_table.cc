#include "controlplane/sip/registrations/binding_table.h"

#include <algorithm>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index_container.hpp>
#include <memory_resource>
#include <utility>

#include "controlplane/registration/text_packer.h"
#include "controlplane/sip/registrations/deadline_wheel.h"

namespace byon::sip {

using registration::HashOfText;
using registration::PackedTexts;
using registration::RegistrationId;
using registration::TextHash;
using registration::TextPacker;

namespace {

namespace mi = boost::multi_index;

struct Row {
  PackedTexts texts;
  TextHash id = 0;
  TextHash token = 0;
  uint32_t expires_s = 0;
  uint32_t cseq = 0;
  uint32_t nonce_count = 0;
  uint32_t subscription_cseq = 0;
  uint32_t subscription_remote_cseq = 0;
  uint32_t subscription_expires_s = 0;
  uint32_t subscription_tick = 0;  // of the next SUBSCRIBE; 0: there will be none
  uint16_t hop = 0;
  auth::DigestAlgorithm algorithm = auth::DigestAlgorithm::kMd5;
  bool has_digest : 1 = false;
  bool has_algorithm : 1 = false;
  bool has_qop_auth : 1 = false;
  bool is_outbound : 1 = false;
  bool lacks_outbound : 1 = false;
  bool is_registered : 1 = false;
  bool has_subscription : 1 = false;
  Listing listing : 2 = Listing::kNever;
  bool is_in_doubt : 1 = false;
  bool was_checked : 1 = false;
  bool is_subscription_owed : 1 = false;
};

struct ById {};
struct ByToken {};
using Container = mi::multi_index_container<
    Row,
    mi::indexed_by<mi::hashed_non_unique<mi::tag<ById>, mi::member<Row, TextHash, &Row::id>>,
                   mi::hashed_non_unique<mi::tag<ByToken>, mi::member<Row, TextHash, &Row::token>>>,
    std::pmr::polymorphic_allocator<Row>>;

// The places of the two that look-ups ask for.
constexpr size_t kId = 0;
constexpr size_t kToken = 1;

PackedTexts PackTexts(TextPacker& packer, const Binding& binding) {
  static const auth::DigestChallenge kNone;
  static const SubscriptionState kNoSubscription;
  const auth::DigestChallenge& challenge = binding.digest ? binding.digest->challenge() : kNone;
  const SubscriptionState& subscription = binding.reg_event ? *binding.reg_event : kNoSubscription;
  std::vector<std::string_view> texts{binding.wanted.id,
                                      binding.wanted.contact_token,
                                      binding.wanted.impu,
                                      binding.wanted.impi,
                                      binding.wanted.instance_id,
                                      binding.call_id,
                                      binding.from_tag,
                                      binding.aka_response,
                                      binding.gruu,
                                      challenge.realm,
                                      challenge.nonce,
                                      challenge.opaque,
                                      subscription.call_id,
                                      subscription.local_tag,
                                      subscription.remote_tag,
                                      subscription.remote_target};
  for (const auto* list : {&binding.path, &binding.service_route, &binding.associated_uris, &subscription.route_set}) {
    for (const std::string& text : *list) {
      if (!text.empty()) texts.emplace_back(text);
    }
    texts.emplace_back();  // ends the list
  }
  return packer.Pack(texts);
}

Binding Unpack(const TextPacker& packer, const Row& row) {
  Binding binding;
  auth::DigestChallenge challenge;
  SubscriptionState subscription;
  auto texts = packer.Unpack(row.texts);
  auto next = texts.begin();
  for (std::string* text :
       {&binding.wanted.id, &binding.wanted.contact_token, &binding.wanted.impu, &binding.wanted.impi,
        &binding.wanted.instance_id, &binding.call_id, &binding.from_tag, &binding.aka_response, &binding.gruu,
        &challenge.realm, &challenge.nonce, &challenge.opaque, &subscription.call_id, &subscription.local_tag,
        &subscription.remote_tag, &subscription.remote_target}) {
    *text = std::move(*next++);
  }
  for (auto* list : {&binding.path, &binding.service_route, &binding.associated_uris, &subscription.route_set}) {
    const auto end = std::find(next, texts.end(), "");
    list->assign(std::move_iterator(next), std::move_iterator(end));
    next = end + 1;
  }
  binding.wanted.expires = std::chrono::seconds(row.expires_s);
  binding.cseq = row.cseq;
  binding.hop = row.hop;
  binding.is_outbound = row.is_outbound;
  binding.lacks_outbound = row.lacks_outbound;
  binding.is_registered = row.is_registered;
  binding.listing = row.listing;
  binding.is_in_doubt = row.is_in_doubt;
  binding.was_checked = row.was_checked;
  binding.is_subscription_owed = row.is_subscription_owed;
  if (row.has_subscription) {
    subscription.cseq = row.subscription_cseq;
    subscription.remote_cseq = row.subscription_remote_cseq;
    subscription.expires_s = row.subscription_expires_s;
    if (row.subscription_tick != 0) subscription.next_send = DeadlineWheel::TimeOf(row.subscription_tick);
    binding.reg_event = std::move(subscription);
  }
  if (row.has_digest) {
    challenge.algorithm = row.algorithm;
    challenge.has_algorithm = row.has_algorithm;
    challenge.has_qop_auth = row.has_qop_auth;
    binding.digest.emplace(std::move(challenge), row.nonce_count);
  }
  return binding;
}

}  // namespace

class BindingTable::Rows {
 public:
  TextPacker packer;
  std::pmr::unsynchronized_pool_resource pool;
  Container rows{Container::ctor_args_list(), &pool};

  // The row whose text at this place is `text`, by an index of hashes.
  template <typename Index>
  auto Find(const Index& index, const std::string& text, size_t place) const {
    const auto [begin, end] = index.equal_range(HashOfText(text));
    const auto found =
        std::find_if(begin, end, [&](const Row& row) { return packer.Unpack(row.texts)[place] == text; });
    return found == end ? index.end() : found;
  }
};

BindingTable::BindingTable() : rows_(std::make_unique<Rows>()) {}
BindingTable::~BindingTable() = default;

void BindingTable::Put(const Binding& binding) {
  Row row;
  row.texts = PackTexts(rows_->packer, binding);
  row.id = HashOfText(binding.wanted.id);
  row.token = HashOfText(binding.wanted.contact_token);
  row.expires_s = static_cast<uint32_t>(binding.wanted.expires.count());
  row.cseq = binding.cseq;
  row.hop = static_cast<uint16_t>(binding.hop);
  row.has_digest = binding.digest.has_value();
  if (binding.digest) {
    row.nonce_count = binding.digest->nonce_count();
    row.algorithm = binding.digest->challenge().algorithm;
    row.has_algorithm = binding.digest->challenge().has_algorithm;
    row.has_qop_auth = binding.digest->challenge().has_qop_auth;
  }
  row.has_subscription = binding.reg_event.has_value();
  if (binding.reg_event) {
    row.subscription_cseq = binding.reg_event->cseq;
    row.subscription_remote_cseq = binding.reg_event->remote_cseq;
    row.subscription_expires_s = binding.reg_event->expires_s;
    if (binding.reg_event->next_send) row.subscription_tick = DeadlineWheel::TickOf(*binding.reg_event->next_send);
  }
  row.is_outbound = binding.is_outbound;
  row.lacks_outbound = binding.lacks_outbound;
  row.is_registered = binding.is_registered;
  row.listing = binding.listing;
  row.is_in_doubt = binding.is_in_doubt;
  row.was_checked = binding.was_checked;
  row.is_subscription_owed = binding.is_subscription_owed;
  auto& by_id = rows_->rows.get<ById>();
  const auto found = rows_->Find(by_id, binding.wanted.id, kId);
  if (found == by_id.end()) {
    rows_->rows.insert(std::move(row));
  } else {
    by_id.modify(found, [&](Row& old) { old = std::move(row); });
  }
}

void BindingTable::Erase(const RegistrationId& id) {
  auto& by_id = rows_->rows.get<ById>();
  const auto found = rows_->Find(by_id, id, kId);
  if (found != by_id.end()) by_id.erase(found);
}

std::optional<Binding> BindingTable::Get(const RegistrationId& id) const {
  const auto& by_id = rows_->rows.get<ById>();
  const auto found = rows_->Find(by_id, id, kId);
  if (found == by_id.end()) return std::nullopt;
  return Unpack(rows_->packer, *found);
}

RegistrationId BindingTable::IdOfToken(const std::string& contact_token) const {
  const auto& by_token = rows_->rows.get<ByToken>();
  const auto found = rows_->Find(by_token, contact_token, kToken);
  return found == by_token.end() ? RegistrationId() : rows_->packer.Unpack(found->texts)[kId];
}

BindingTable::Ticket BindingTable::TicketOf(const RegistrationId& id) { return HashOfText(id); }

std::vector<BindingTable::Ticket> BindingTable::RegisteredThrough(size_t hop) const {
  std::vector<Ticket> tickets;
  for (const Row& row : rows_->rows) {
    if (row.is_registered && row.hop == hop) tickets.push_back(row.id);
  }
  return tickets;
}

std::vector<RegistrationId> BindingTable::IdsOf(Ticket ticket) const {
  std::vector<RegistrationId> ids;
  const auto [begin, end] = rows_->rows.get<ById>().equal_range(ticket);
  for (auto row = begin; row != end; ++row) ids.push_back(rows_->packer.Unpack(row->texts)[kId]);
  return ids;
}

std::set<size_t> BindingTable::HopsOfRegistered() const {
  std::set<size_t> hops;
  for (const Row& row : rows_->rows) {
    if (row.is_registered) hops.insert(row.hop);
  }
  return hops;
}

std::set<size_t> BindingTable::Hops() const {
  std::set<size_t> hops;
  for (const Row& row : rows_->rows) hops.insert(row.hop);
  return hops;
}

}  // namespace byon::sip
