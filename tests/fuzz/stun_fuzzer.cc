#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/stun/stun_message_view.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  static const stun::IntegrityKey key(base::AsBytes("VOkJxbRl1RmTxUk/WvJxBt"));
  const auto view = stun::StunMessageView::Parse(std::as_bytes(std::span(data, size)));
  if (!view.ok()) return 0;
  (void)view->transaction_id();
  (void)view->username();
  (void)view->priority();
  (void)view->ice_controlling();
  (void)view->ice_controlled();
  (void)view->xor_mapped_address();
  (void)view->error_code();
  (void)view->UnknownRequiredAttributes();
  (void)view->VerifyFingerprint();
  (void)view->VerifyIntegrity(key);
  return 0;
}
