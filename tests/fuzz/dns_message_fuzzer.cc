#include <cstddef>
#include <cstdint>

#include "controlplane/dns/answer.h"
#include "controlplane/dns/message.h"
#include "controlplane/dns/server_list.h"
#include "dataplane/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::dns;
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)ParseResolvConf(byon::base::AsText(bytes));
  const auto message = ParseMessage(bytes);
  if (!message) return 0;
  const auto type = static_cast<RecordType>(message->question_type);
  (void)ReadAnswer(*message, message->question_name, type);
  if (IsHostName(message->question_name) && !WriteQuery(message->id, message->question_name, type)) __builtin_trap();
  return 0;
}
