#include "controlplane/api/operations/call_drafts.h"

#include <algorithm>
#include <utility>

namespace byon::api {
namespace {

// An offer takes a browser some seconds at most, ICE gathering included.
constexpr std::chrono::seconds kLifetime{60};
constexpr size_t kMaxPerRegistration = 4;

}  // namespace

const CallDraft& CallDrafts::Insert(CallDraft draft) {
  const std::string id = draft.request.media_session_id;
  ids_of_[{draft.owner, draft.request.registration_id}].push_back(id);
  return drafts_.insert_or_assign(id, std::move(draft)).first->second;
}

CallDraft CallDrafts::Extract(std::map<std::string, CallDraft>::iterator found) {
  const auto of_line = ids_of_.find({found->second.owner, found->second.request.registration_id});
  std::erase(of_line->second, found->first);
  if (of_line->second.empty()) ids_of_.erase(of_line);
  CallDraft draft = std::move(found->second);
  drafts_.erase(found);
  return draft;
}

void CallDrafts::ForgetOld() {
  const WallTime oldest = now_() - kLifetime;
  for (; !made_.empty() && made_.front().first < oldest; made_.pop_front()) {
    if (const auto draft = drafts_.find(made_.front().second); draft != drafts_.end()) Extract(draft);
  }
}

const CallDraft* CallDrafts::Add(const Owner& owner, gateway::CallRequest request) {
  ForgetOld();
  if (const auto of_line = ids_of_.find({owner, request.registration_id}); of_line != ids_of_.end()) {
    const std::string& correlator = request.client_correlator;
    for (const std::string& id : of_line->second) {
      const CallDraft& draft = drafts_.at(id);
      if (!correlator.empty() && draft.request.client_correlator == correlator) return &draft;
    }
    if (of_line->second.size() >= kMaxPerRegistration) return nullptr;
  }
  request.media_session_id = new_id_();
  made_.emplace_back(now_(), request.media_session_id);
  return &Insert(CallDraft{owner, std::move(request), made_.back().first});
}

const CallDraft* CallDrafts::Find(const Owner& owner, const std::string& id) {
  ForgetOld();
  const auto it = drafts_.find(id);
  return it == drafts_.end() || it->second.owner != owner ? nullptr : &it->second;
}

std::optional<CallDraft> CallDrafts::Take(const Owner& owner, const std::string& id) {
  if (Find(owner, id) == nullptr) return std::nullopt;
  return Extract(drafts_.find(id));
}

void CallDrafts::PutBack(CallDraft draft) {
  if (draft.made_at >= now_() - kLifetime) Insert(std::move(draft));
}

}  // namespace byon::api
