#include "controlplane/sip/calls/call.h"

#include <utility>

#include "controlplane/sip/sender.h"

namespace byon::sip {

using call::CallId;
using call::EndReason;
using call::SipSignalingObserver;

namespace {

constexpr std::chrono::milliseconds kReferralPatience{180'000};

}  // namespace

Call::Call(ShardContext& context, CallTable& table, uint64_t key) : context_(context), table_(table), key_(key) {}

Call::~Call() {
  for (const auto& [tag, dialog] : dialogs_) table_.UnindexDialog(dialog->state());
}

void Call::Notify(Notification notification) {
  if (!id_) return;
  context_.notify_calls(
      [id = *id_, run = std::move(notification)](SipSignalingObserver& observer) { run(observer, id); });
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
  if (found->second.get() == referring_) referring_ = nullptr;
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
  confirmed_->Resume(timer);
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

void Call::SendLocation(const call::DialogId& dialog_id, std::string document) {
  if (Dialog* dialog = Find(dialog_id)) return dialog->SendLocation(std::move(document));
  Notify([](SipSignalingObserver& observer, const CallId& id) { observer.OnLocationAnswered(id, 481); });
}

void Call::SendAnswer(const call::DialogId& dialog_id, std::optional<std::string> sdp) {
  Dialog* dialog = Find(dialog_id);
  if (dialog == nullptr) return;
  const bool is_refused_replacement = dialog == replacement_ && !sdp;
  dialog->SendAnswer(std::move(sdp));
  if (!is_refused_replacement) return;
  replacement_ = nullptr;
  RemoveDialog(dialog->id());
}

void Call::HandleRequest(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  dialog.HandleRequest(std::move(transaction), request);
}

void Call::HandleAck(Dialog& dialog, const MessageView& ack) { dialog.HandleAck(ack); }

// A dialog may be on the stack.
void Call::RemoveLater(const Dialog& dialog) {
  context_.thread.After(std::chrono::milliseconds(0), [&table = table_, key = key_, tag = dialog.id()] {
    if (Call* call = table.FindByKey(key)) call->RemoveDialog(tag);
  });
}

void Call::HandleReplacement(const Dialog& replaced, const std::string& token,
                             std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  // One that was given up, by a CANCEL or because nobody answered it.
  if (replacement_ != nullptr && !replacement_->is_negotiating()) {
    RemoveDialog(std::exchange(replacement_, nullptr)->id());
  }
  const bool is_busy = replacement_ != nullptr || replaced.is_negotiating() || Find(request.from_tag()) != nullptr;
  if (is_busy) {
    context_.counters.Add(SipCounter::kRefusedReplaces);
    return transaction->Respond(491);
  }
  DialogState state{.shard = context_.shard,
                    .call_id = request.call_id(),
                    .local_tag = RandomHex(8),
                    .remote_tag = request.from_tag(),
                    .local_address = request.to(),
                    .remote_address = request.from(),
                    .local_cseq = 0,
                    .remote_cseq = request.cseq(),
                    .route_set = request.RouteSet(false),
                    .contact = context_.ContactAddress(token) + ";+g.3gpp.icsi-ref=\"" + kMmtelIcsi + "\";audio",
                    .next_hop = replaced.state().next_hop,
                    .impi = replaced.state().impi,
                    .session_id = replaced.state().session_id,
                    .owns_call_id = false,
                    .timer = {},
                    .local_sdp = {},
                    .remote_sdp = {}};
  transaction->SetTag(state.local_tag);
  replacing_party_ = SenderOf(request, context_.config).value_or(call::Party());
  replacement_ = &AddDialog(std::move(state));
  replacement_->Confirm({});
  // From here on it is an offer like that of a re-INVITE.
  replacement_->HandleRequest(std::move(transaction), request);
  if (!replacement_->is_negotiating()) RemoveDialog(std::exchange(replacement_, nullptr)->id());
}

// The 200 has gone out.
void Call::FinishReplacement() {
  Dialog* const old = std::exchange(confirmed_, std::exchange(replacement_, nullptr));
  context_.counters.Add(SipCounter::kDialogReplaced);
  Notify([tag = confirmed_->id(), party = replacing_party_](SipSignalingObserver& observer, const CallId& id) {
    observer.OnReplaced(id, tag, party);
  });
  EndReplaced(old != nullptr ? *old : *confirmed_);
}

void Call::EndReplaced(Dialog& old) {
  if (old.is_over()) return RemoveLater(old);
  old.SendBye({.sip_status = 200, .q850_cause = 0, .text = "Replaced"}, [this, &old] { RemoveLater(old); });
}

void Call::AnswerReferral(int status_code) {
  if (referring_ != nullptr) referring_->AnswerReferral(status_code);
}

void Call::ReportReferral(int status_code, const std::string& phrase) {
  if (referring_ != nullptr) referring_->ReportReferral(status_code, phrase);
}

void Call::OnReferral(Dialog& dialog, call::Referral referral) {
  referring_ = &dialog;
  if (&dialog != confirmed_ || !id_) return dialog.AnswerReferral(481);
  Notify([referral = std::move(referral)](SipSignalingObserver& observer, const CallId& id) {
    observer.OnReferral(id, referral);
  });
}

void Call::OnReferralOver(Dialog&) {
  if (is_over_but_referring_) Retire();
}

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

void Call::OnOfferStale(Dialog& dialog) {
  Notify([tag = dialog.id()](SipSignalingObserver& observer, const CallId& id) { observer.OnOfferStale(id, tag); });
}

void Call::OnLocationAnswered(Dialog&, int status) {
  Notify([status](SipSignalingObserver& observer, const CallId& id) { observer.OnLocationAnswered(id, status); });
}

void Call::OnEarlyMedia(Dialog& dialog, std::string directions) {
  Notify([tag = dialog.id(), directions = std::move(directions)](SipSignalingObserver& observer, const CallId& id) {
    observer.OnEarlyMedia(id, tag, directions);
  });
}

void Call::OnDigit(Dialog&, char digit, int duration_ms) {
  Notify([digit, duration_ms](SipSignalingObserver& observer, const CallId& id) {
    observer.OnDigit(id, digit, duration_ms);
  });
}

void Call::OnDialogChanged(Dialog& dialog) {
  if (&dialog == replacement_) FinishReplacement();
  if (confirmed_ != nullptr && &dialog != confirmed_) return;
  if (!dialog.is_confirmed() || dialog.is_over()) return;
  Notify([snapshot = SerializeDialog(dialog.state()), name = dialog.state().call_id](
             SipSignalingObserver& observer, const CallId& id) { observer.OnDialogChanged(id, snapshot, name); });
}

void Call::OnDialogEnded(Dialog& dialog, EndReason reason) {
  if (&dialog == replacement_) {
    replacement_ = nullptr;
    return RemoveLater(dialog);
  }
  Notify(
      [reason = std::move(reason)](SipSignalingObserver& observer, const CallId& id) { observer.OnEnded(id, reason); });
  // Whoever sent us elsewhere and hung up is still told how it went, for as long as a call can ring.
  is_over_but_referring_ = dialog.has_referral();
  if (!is_over_but_referring_) return Retire();
  context_.thread.After(kReferralPatience, [&table = table_, key = key_] { table.Retire(key); });
}

}  // namespace byon::sip
