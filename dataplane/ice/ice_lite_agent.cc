#include "dataplane/ice/ice_lite_agent.h"

#include <algorithm>

#include "dataplane/stun/stun_message_builder.h"

namespace byon::ice {
namespace {

// A lower-priority pair becomes the selected one when it was nominated this often while the
// selected pair was not. A peer that moved to another pair repeats USE-CANDIDATE on the new one
// only; a peer with aggressive nomination (RFC 5245 section 8.1.1.2) repeats it on every pair in
// turn, and there the highest priority must win.
constexpr uint32_t kNominationsToSwitchDown = 2;

}  // namespace

IceLiteAgent::IceLiteAgent(const Config& config, const IceCredentials& local)
    : config_(config), current_{Ufrag(local.ufrag), stun::IntegrityKey(base::AsBytes(local.pwd)), std::nullopt, 1} {}

void IceLiteAgent::SetRemoteCredentials(const IceCredentials& remote, base::Timestamp now) {
  current_.remote_ufrag.emplace(remote.ufrag);
  if (!selected_) connect_deadline_ = now + config_.connect_timeout;
}

void IceLiteAgent::RestartIce(const IceCredentials& new_local, base::Timestamp now) {
  const uint32_t number = current_.number + 1;
  // A restart that the peer never took up is forgotten: the generation in use stays the old one.
  if (!previous_) previous_ = std::move(current_);
  current_ = Generation{Ufrag(new_local.ufrag), stun::IntegrityKey(base::AsBytes(new_local.pwd)), std::nullopt, number};
  if (!selected_) connect_deadline_ = now + config_.connect_timeout;
}

// The USERNAME of a check is "<receiver's ufrag>:<sender's ufrag>" (RFC 8445 section 7.2.2).
IceLiteAgent::Generation* IceLiteAgent::FindGeneration(base::ByteSpan username) {
  const std::string_view text = base::AsText(username);
  const auto fits = [&](const Generation& generation) {
    const std::string_view local = generation.local_ufrag.view();
    if (text.size() <= local.size() || text[local.size()] != ':') return false;
    if (!text.starts_with(local)) return false;
    return !generation.remote_ufrag || text.substr(local.size() + 1) == generation.remote_ufrag->view();
  };
  if (fits(current_)) return &current_;
  if (previous_ && fits(*previous_)) return &*previous_;
  return nullptr;
}

std::optional<DropReason> IceLiteAgent::HandleDatagram(base::ByteSpan datagram, const net::SocketAddress& from,
                                                       base::Timestamp now) {
  pending_.reset();
  const auto parsed = stun::StunMessageView::Parse(datagram);
  if (!parsed) return DropReason::kMalformedStun;
  const stun::StunMessageView& request = *parsed;
  if (request.message_class() != stun::MessageClass::kRequest || request.method() != stun::kBindingMethod) {
    return DropReason::kNotBindingRequest;
  }
  const auto username = request.username();
  if (!username) return DropReason::kMissingUsername;
  Generation* generation = FindGeneration(*username);
  if (generation == nullptr) return DropReason::kUnknownUsername;
  if (request.has_fingerprint() && !request.VerifyFingerprint()) {
    return DropReason::kBadFingerprint;
  }
  if (!request.has_message_integrity()) return DropReason::kMissingIntegrity;
  if (!request.VerifyIntegrity(generation->key)) return DropReason::kBadIntegrity;
  // From here on the peer is authentic, and only from here on is anything sent.
  return HandleAuthenticRequest(request, *generation, from, now);
}

std::optional<DropReason> IceLiteAgent::HandleAuthenticRequest(const stun::StunMessageView& request,
                                                               const Generation& generation,
                                                               const net::SocketAddress& from, base::Timestamp now) {
  const auto unknown = request.UnknownRequiredAttributes();
  if (!unknown.empty()) {
    AnswerError(request, generation.key, from, stun::ErrorCode::kUnknownAttribute, unknown);
    return std::nullopt;
  }
  // A lite agent is controlled and never takes the other role (RFC 8445 section 6.1.1), so a peer
  // that thinks it is controlled too must change (section 7.3.1.1).
  if (request.Has(stun::AttributeType::kIceControlled)) {
    AnswerError(request, generation.key, from, stun::ErrorCode::kRoleConflict, {});
    return std::nullopt;
  }
  const auto priority = request.priority();
  if (!priority) {
    AnswerError(request, generation.key, from, stun::ErrorCode::kBadRequest, {});
    return std::nullopt;
  }
  if (IsReplayed(request.transaction_id(), from)) return DropReason::kReplayedCheck;
  const uint32_t number = generation.number;
  RemoteCandidate* candidate = FindCandidate(from);
  if (candidate != nullptr && candidate->is_expired && candidate->generation == number) {
    return DropReason::kConsentExpired;
  }
  if (candidate == nullptr) candidate = AddCandidate(from, now);
  if (candidate == nullptr) return DropReason::kTooManyRemoteCandidates;
  candidate->priority = *priority;
  candidate->generation = number;
  candidate->is_expired = false;
  candidate->last_heard = now;
  AnswerSuccess(request, generation.key, from);
  if (request.use_candidate()) OnNomination(*candidate, now);
  if (selected_ == from) consent_deadline_ = now + config_.consent_timeout;
  // The new credentials are in use: the old ones end here. `generation` may live in either place,
  // so this comes last.
  if (number == current_.number) previous_.reset();
  return std::nullopt;
}

IceLiteAgent::RemoteCandidate* IceLiteAgent::FindCandidate(const net::SocketAddress& address) {
  const auto found =
      std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& c) { return c.address == address; });
  return found == candidates_.end() ? nullptr : found;
}

IceLiteAgent::RemoteCandidate* IceLiteAgent::AddCandidate(const net::SocketAddress& address, base::Timestamp now) {
  if (candidates_.full()) {
    // A long call over a NAT that rebinds uses up addresses: the longest silent one makes room.
    RemoteCandidate* oldest = nullptr;
    for (RemoteCandidate& candidate : candidates_) {
      if (selected_ == candidate.address) continue;
      if (oldest == nullptr || candidate.last_heard < oldest->last_heard) oldest = &candidate;
    }
    if (now - oldest->last_heard < config_.consent_timeout) return nullptr;
    candidates_.Erase(static_cast<size_t>(oldest - candidates_.begin()));
  }
  RemoteCandidate candidate;
  candidate.address = address;
  (void)candidates_.PushBack(candidate);
  return &candidates_.back();
}

// The integrity of a check covers no address: who sees one could send it on from elsewhere, and have the media.
bool IceLiteAgent::IsReplayed(const stun::TransactionId& id, const net::SocketAddress& from) {
  const SeenCheck check{.transaction = static_cast<uint32_t>(std::hash<std::string_view>()(base::AsText(id))),
                        .from = static_cast<uint32_t>(std::hash<net::SocketAddress>()(from))};
  for (const SeenCheck& seen : seen_) {
    if (seen.transaction == check.transaction && seen.from != check.from) return true;
  }
  seen_[next_seen_++ % seen_.size()] = check;
  return false;
}

void IceLiteAgent::OnNomination(RemoteCandidate& candidate, base::Timestamp now) {
  if (selected_ == candidate.address) {
    selected_generation_ = candidate.generation;
    for (RemoteCandidate& other : candidates_) other.nominations = 0;
    return;
  }
  ++candidate.nominations;
  if (selected_) {
    const RemoteCandidate* selected = FindCandidate(*selected_);
    const bool is_newer = candidate.generation > selected_generation_;
    if (!is_newer && selected != nullptr && candidate.priority < selected->priority &&
        candidate.nominations < kNominationsToSwitchDown) {
      return;
    }
  }
  const bool was_connected = selected_.has_value();
  former_ = selected_;
  trial_deadline_ = was_connected ? now + kTrialOfNewPair : base::Timestamp::Infinite();
  selected_ = candidate.address;
  selected_generation_ = candidate.generation;
  connect_deadline_ = base::Timestamp::Infinite();
  for (RemoteCandidate& other : candidates_) other.nominations = 0;
  PushEvent(was_connected ? IceEvent(SelectedPairChanged{candidate.address})
                          : IceEvent(IceConnected{candidate.address}));
}

// The queue holds what one round of handling can cause; an owner that does not poll loses the
// oldest.
void IceLiteAgent::PushEvent(IceEvent event) {
  if (events_.full()) events_.Erase(0);
  (void)events_.PushBack(std::move(event));
}

void IceLiteAgent::AnswerSuccess(const stun::StunMessageView& request, const stun::IntegrityKey& key,
                                 const net::SocketAddress& to) {
  stun::StunMessageBuilder builder(response_, stun::MessageClass::kSuccess, stun::kBindingMethod,
                                   request.transaction_id());
  builder.AddXorMappedAddress(to);
  builder.AddMessageIntegrity(key);
  builder.AddFingerprint();
  if (const auto bytes = builder.Finish()) pending_ = PendingResponse{to, bytes->size()};
}

void IceLiteAgent::AnswerError(const stun::StunMessageView& request, const stun::IntegrityKey& key,
                               const net::SocketAddress& to, stun::ErrorCode code,
                               const stun::StunMessageView::UnknownAttributes& unknown) {
  stun::StunMessageBuilder builder(response_, stun::MessageClass::kError, stun::kBindingMethod,
                                   request.transaction_id());
  // No reason phrase: an answer must not be longer than its request.
  builder.AddErrorCode(code, "");
  if (!unknown.empty()) builder.AddUnknownAttributes({unknown.begin(), unknown.size()});
  builder.AddMessageIntegrity(key);
  builder.AddFingerprint();
  if (const auto bytes = builder.Finish()) pending_ = PendingResponse{to, bytes->size()};
}

void IceLiteAgent::OnAuthenticatedMedia(base::Timestamp now) {
  if (!selected_) return;
  consent_deadline_ = now + config_.consent_timeout;
  trial_deadline_ = base::Timestamp::Infinite();
}

// Nothing authentic came over the new pair. Where the peer goes on checking the one before, it never left: an old check
// was sent on from elsewhere.
void IceLiteAgent::EndTrial() {
  const base::Timestamp began = trial_deadline_ - kTrialOfNewPair;
  trial_deadline_ = base::Timestamp::Infinite();
  const RemoteCandidate* former = former_ ? FindCandidate(*former_) : nullptr;
  if (!selected_ || former == nullptr || former->is_expired || former->last_heard <= began) return;
  selected_ = former->address;
  selected_generation_ = former->generation;
  consent_deadline_ = former->last_heard + config_.consent_timeout;
  former_.reset();
  PushEvent(SelectedPairChanged{*selected_});
}

void IceLiteAgent::HandleTimeout(base::Timestamp now) {
  if (trial_deadline_ <= now) EndTrial();
  if (consent_deadline_ <= now) {
    consent_deadline_ = base::Timestamp::Infinite();
    if (RemoteCandidate* selected = selected_ ? FindCandidate(*selected_) : nullptr) {
      selected->is_expired = true;
    }
    selected_.reset();
    PushEvent(ConsentLost{});
  }
  if (connect_deadline_ <= now) {
    connect_deadline_ = base::Timestamp::Infinite();
    PushEvent(ConnectTimeout{});
  }
}

base::Timestamp IceLiteAgent::NextDeadline() const {
  return std::min({consent_deadline_, connect_deadline_, trial_deadline_});
}

std::optional<IceDatagram> IceLiteAgent::PollDatagram() {
  if (!pending_) return std::nullopt;
  const IceDatagram result{pending_->to, base::ByteSpan(response_).first(pending_->size)};
  pending_.reset();
  return result;
}

std::optional<IceEvent> IceLiteAgent::PollEvent() {
  if (events_.empty()) return std::nullopt;
  IceEvent event = events_[0];
  events_.Erase(0);
  return event;
}

bool IceLiteAgent::IsVerified(const net::SocketAddress& remote) const {
  if (selected_ == remote) return true;  // nearly every packet; it expires with its selection
  return std::any_of(candidates_.begin(), candidates_.end(),
                     [&](const RemoteCandidate& c) { return c.address == remote && !c.is_expired; });
}

}  // namespace byon::ice
