#include "controlplane/sip/request_policy.h"

#include "controlplane/sip/text/precondition_lines.h"

namespace byon::sip {

std::string SupportedExtensions(const SipConfig& config, bool has_preconditions) {
  std::string extensions = "100rel, timer, ";
  if (has_preconditions) extensions += "precondition, ";
  return extensions + (config.accepts_refer ? "replaces, norefersub, histinfo" : "replaces, histinfo");
}

void AddExtensions(std::string& headers, const SipConfig& config, std::string_view sdp, bool may_require_preconditions,
                   std::string required) {
  const PreconditionUse use = ReadPreconditionUse(sdp);
  AddHeader(headers, "Supported", SupportedExtensions(config, config.precondition || use.is_used));
  if (use.is_mandatory && may_require_preconditions) required += required.empty() ? "precondition" : ", precondition";
  AddHeader(headers, "Require", required);
}

std::string AllowedMethods(const SipConfig& config, bool is_within_dialog) {
  std::string methods = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, NOTIFY";
  if (!is_within_dialog) methods += ", MESSAGE";
  return config.accepts_refer ? methods + ", REFER" : methods;
}

// A caller that reserves resources is answered in kind, whether or not we ask for it in our own calls.
bool IsSupportedExtension(const SipConfig& config, std::string_view option_tag) {
  return ListHas(SupportedExtensions(config, true), option_tag);
}

bool IsPsapCallback(const MessageView& request) {
  return EqualsIgnoringCase(request.Header("Priority").value_or(""), "psap-callback");
}

void RefuseMethod(ShardContext& context, ServerTransaction& transaction, const MessageView& request) {
  const std::string method = request.method();
  if (method == "OPTIONS") return AnswerOptions(context, transaction);
  std::string headers;
  if (method == "NOTIFY" || method == "PRACK" || method == "UPDATE" || method == "BYE") {
    return RefuseNoDialog(context, transaction);
  }
  context.counters.Add(SipCounter::kRefusedMethod);
  if (method == "REFER") return transaction.Respond(403);
  if (method == "INFO" && request.Header("Info-Package")) {
    // None at all is an empty value (RFC 6086 section 4.2.2 asks for the header).
    return transaction.Respond(469, "Bad Info Package", "Recv-Info: \r\n");
  }
  if (method == "SUBSCRIBE" || method == "PUBLISH") {
    AddHeader(headers, "Allow-Events", "reg");
    return transaction.Respond(489, "Bad Event", headers);
  }
  AddHeader(headers, "Allow", AllowedMethods(context.config, !request.to_tag().empty()));
  const bool is_known = method == "INFO" || method == "MESSAGE" || method == "REGISTER" || method == "INVITE";
  transaction.Respond(is_known ? 405 : 501, {}, headers);
}

bool RefuseBody(ShardContext& context, ServerTransaction& transaction, const MessageView& request) {
  const BodyVerdict::Kind kind = request.body_kind();
  if (kind != BodyVerdict::Kind::kUnsupported && kind != BodyVerdict::Kind::kMalformed) return false;
  context.counters.Add(SipCounter::kRefusedBadBody);
  if (kind == BodyVerdict::Kind::kMalformed) {
    transaction.Respond(400, "Malformed Multipart Body");
    return true;
  }
  std::string headers;
  AddHeader(headers, "Accept", kAcceptedBodies);
  transaction.Respond(415, {}, headers);
  return true;
}

int StatusOfUnknownToken(std::string_view token) {
  constexpr size_t kTokenLength = 32;
  const bool is_token = token.size() == kTokenLength && token.find_first_not_of("0123456789abcdef") == token.npos;
  return is_token ? 480 : 404;
}

void RefuseSmallInterval(ShardContext& context, ServerTransaction& transaction) {
  context.counters.Add(SipCounter::kRefusedIntervalTooSmall);
  std::string headers;
  AddHeader(headers, "Min-SE", std::to_string(context.config.min_session_expires.count()));
  transaction.Respond(422, "Session Interval Too Small", headers);
}

std::string MediaWarning(const ShardContext& context) {
  return "305 " + context.transactions.host_port() + " \"Incompatible media format\"";
}

void RefuseNoDialog(ShardContext& context, ServerTransaction& transaction) {
  context.counters.Add(SipCounter::kRefusedNoDialog);
  transaction.Respond(481);
}

void RefuseUntilRestored(ShardContext& context, ServerTransaction& transaction, int status) {
  context.counters.Add(SipCounter::kRefusedNotRestored);
  std::string headers;
  AddHeader(headers, "Retry-After", "1");
  transaction.Respond(status, {}, headers);
}

bool RefuseUnprocessable(ShardContext& context, ServerTransaction& transaction, const MessageView& request) {
  // RFC 3261 section 8.1.1.3; what a peer of RFC 2543 sends could not be told from another's dialog.
  if (request.from_tag().empty()) {
    context.counters.Add(SipCounter::kRefusedNoTag);
    transaction.Respond(400, "Missing From Tag");
    return true;
  }
  // Max-Forwards is no matter of who is asked, however little of it is left (RFC 4475 section 3.3.11).
  const auto uri = ParseUri(request.request_uri());
  if (!uri || (uri->scheme != "sip" && uri->scheme != "sips" && uri->scheme != "tel")) {
    context.counters.Add(SipCounter::kRefusedBadScheme);
    transaction.Respond(416);
    return true;
  }
  std::string unknown;
  for (const std::string& option_tag : request.Headers("Require")) {
    if (IsSupportedExtension(context.config, option_tag)) continue;
    if (!unknown.empty()) unknown += ", ";
    unknown += option_tag;
  }
  if (unknown.empty()) return false;
  context.counters.Add(SipCounter::kRefusedBadExtension);
  std::string headers;
  AddHeader(headers, "Unsupported", unknown);
  transaction.Respond(420, {}, headers);
  return true;
}

void AnswerOptions(ShardContext& context, ServerTransaction& transaction) {
  std::string headers;
  AddHeader(headers, "Allow", AllowedMethods(context.config));
  AddHeader(headers, "Accept", std::string(kAcceptedBodies) + ", text/plain, message/cpim");
  AddHeader(headers, "Supported", SupportedExtensions(context.config, context.config.precondition));
  transaction.Respond(200, "OK", headers);
}

}  // namespace byon::sip
