#include "controlplane/api/operations/call_drafts.h"

#include <algorithm>

namespace byon::api {
namespace {

// An offer takes a browser some seconds at most, ICE gathering included.
constexpr std::chrono::seconds kLifetime{60};
constexpr std::ptrdiff_t kMaxPerOwner = 4;

}  // namespace

void CallDrafts::ForgetOld() {
  const WallTime oldest = now_() - kLifetime;
  std::erase_if(drafts_, [oldest](const auto& item) { return item.second.made_at < oldest; });
}

const CallDraft* CallDrafts::Add(const Owner& owner, gateway::CallRequest request) {
  ForgetOld();
  std::ptrdiff_t of_owner = 0;
  for (const auto& [id, draft] : drafts_) {
    if (draft.owner != owner) continue;
    ++of_owner;
    const std::string& correlator = draft.request.client_correlator;
    if (!correlator.empty() && correlator == request.client_correlator) return &draft;
  }
  if (of_owner >= kMaxPerOwner) return nullptr;
  request.media_session_id = new_id_();
  const std::string id = request.media_session_id;
  return &drafts_.insert_or_assign(id, CallDraft{owner, std::move(request), now_()}).first->second;
}

const CallDraft* CallDrafts::Find(const Owner& owner, const std::string& id) {
  ForgetOld();
  const auto it = drafts_.find(id);
  return it == drafts_.end() || it->second.owner != owner ? nullptr : &it->second;
}

std::optional<CallDraft> CallDrafts::Take(const Owner& owner, const std::string& id) {
  if (Find(owner, id) == nullptr) return std::nullopt;
  return std::move(drafts_.extract(id).mapped());
}

void CallDrafts::PutBack(CallDraft draft) {
  const std::string id = draft.request.media_session_id;
  drafts_.insert_or_assign(id, std::move(draft));
}

}  // namespace byon::api
