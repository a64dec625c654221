#include "controlplane/sip/call.h"

namespace byon::sip {

using call::CallId;
using call::EndReason;
using call::SipSignalingObserver;

Call::Call(ShardContext& context, CallTable& table, uint64_t key)
    : context_(context), table_(table), key_(key) {}

Call::~Call() {
  for (const auto& [tag, dialog] : dialogs_) table_.UnindexDialog(dialog->state());
}

void Call::Notify(Notification notification) {
  if (!id_) return;
  context_.notify_calls([id = *id_, run = std::move(notification)](SipSignalingObserver& observer) {
    run(observer, id);
  });
}

Dialog& Call::AddDialog(DialogState state) {
  table_.IndexDialog(state, key_);
  const std::string tag = state.remote_tag;
  auto& slot = dialogs_[tag];
  slot = std::make_unique<Dialog>(context_, *this, std::move(state));
  return *slot;
}

void Call::RemoveDialog(const std::string& remote_tag) {
  const auto found = dialogs_.find(remote_tag);
  if (found == dialogs_.end()) return;
  table_.UnindexDialog(found->second->state());
  dialogs_.erase(found);
}

Dialog* Call::Find(const call::DialogId& dialog_id) {
  if (dialog_id.empty()) return confirmed_;
  const auto found = dialogs_.find(dialog_id);
  return found == dialogs_.end() ? nullptr : found->second.get();
}

void Call::Retire() { table_.Retire(key_); }

void Call::Restore(const CallId& id, DialogState state) {
  id_ = id;
  table_.IndexId(id, key_);
  const SessionTimer timer = state.timer;
  confirmed_ = &AddDialog(std::move(state));
  confirmed_->Confirm(timer);
}

void Call::Bye(const EndReason& reason) {
  if (confirmed_ == nullptr || confirmed_->is_over()) return;
  confirmed_->SendBye(reason, [this] { Retire(); });
}

void Call::SendDigits(const std::string& digits) {
  if (confirmed_ != nullptr) confirmed_->SendDigits(digits);
}

void Call::SendOffer(const call::DialogId& dialog_id, std::string sdp) {
  if (Dialog* dialog = Find(dialog_id)) dialog->SendOffer(std::move(sdp));
}

void Call::SendAnswer(const call::DialogId& dialog_id, std::optional<std::string> sdp) {
  if (Dialog* dialog = Find(dialog_id)) dialog->SendAnswer(std::move(sdp));
}

void Call::HandleRequest(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction,
                         const MessageView& request) {
  dialog.HandleRequest(std::move(transaction), request);
}

void Call::HandleAck(Dialog& dialog, const MessageView& ack) { dialog.HandleAck(ack); }

bool Call::HandleStrayAnswer(const MessageView& response) {
  Dialog* dialog = Find(response.to_tag());
  if (dialog == nullptr || dialog != confirmed_) return false;
  dialog->HandleRepeatedAnswer(response);
  return true;
}

void Call::OnRemoteOffer(Dialog& dialog, std::optional<std::string> sdp) {
  Notify([tag = dialog.id(), sdp = std::move(sdp)](SipSignalingObserver& observer, const CallId& id) {
    observer.OnRemoteOffer(id, tag, sdp);
  });
}

void Call::OnRemoteAnswer(Dialog& dialog, std::string sdp) {
  Notify([tag = dialog.id(), sdp = std::move(sdp)](SipSignalingObserver& observer, const CallId& id) {
    observer.OnRemoteAnswer(id, tag, sdp);
  });
}

void Call::OnOfferFailed(Dialog& dialog, int status) {
  Notify([tag = dialog.id(), status](SipSignalingObserver& observer, const CallId& id) {
    observer.OnOfferFailed(id, tag, status);
  });
}

void Call::OnDialogChanged(Dialog& dialog) {
  if (!dialog.is_confirmed() || dialog.is_over()) return;
  Notify([snapshot = SerializeDialog(dialog.state())](SipSignalingObserver& observer,
                                                      const CallId& id) {
    observer.OnDialogChanged(id, snapshot);
  });
}

void Call::OnDialogEnded(Dialog&, EndReason reason) {
  Notify([reason = std::move(reason)](SipSignalingObserver& observer, const CallId& id) {
    observer.OnEnded(id, reason);
  });
  Retire();
}

}  // namespace byon::sip
