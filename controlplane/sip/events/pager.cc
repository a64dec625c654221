#include "controlplane/sip/events/pager.h"

#include <algorithm>

#include "controlplane/sip/request_policy.h"
#include "controlplane/sip/sender.h"

namespace byon::sip {

using messaging::IncomingPage;
using messaging::OutgoingPage;

namespace {

constexpr size_t kMaxWaiting = 5000;  // MESSAGEs that the strand has not answered yet
constexpr const char* kRetryAfterOverloadS = "5";
constexpr const char* kAccept = "text/plain, message/cpim, message/imdn+xml";

bool IsUsable(const OutgoingPage& page) {
  const call::SipBinding& binding = page.binding;
  const bool are_routes_safe = std::all_of(binding.service_route.begin(), binding.service_route.end(), IsSafeText);
  return IsSafeUri(page.target_uri) && IsSafeUri(binding.impu) && are_routes_safe && IsSafeUri(binding.next_hop) &&
         IsSafeText(page.id) && IsSafeText(page.content_type);
}

}  // namespace

void Pager::Send(OutgoingPage page) {
  const std::string id = page.id;
  if (!IsUsable(page)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return on_answered(id, 484, "Address Incomplete");
  }
  if (outgoing_.contains(id)) return;
  Outgoing& outgoing = outgoing_[id];
  outgoing.page = std::move(page);
  SendRequest(outgoing, {});
}

void Pager::SendRequest(Outgoing& outgoing, const std::string& authorization) {
  const OutgoingPage& page = outgoing.page;
  const call::SipBinding& binding = page.binding;
  const std::vector<std::string> routes = context_.OriginatingRoutes(binding.next_hop, binding.service_route);
  RequestText request{.method = "MESSAGE",
                      .uri = page.target_uri,
                      .headers = {},
                      .body = page.body,
                      .content_type = page.content_type,
                      .route = context_.WireDestination(routes, {}, binding.next_hop)};
  std::string& h = request.headers;
  for (const std::string& route : routes) AddHeader(h, "Route", route);
  AddHeader(h, "Max-Forwards", "70");
  AddHeader(h, "From", "<" + binding.impu + ">;tag=" + page.id);
  AddHeader(h, "To", "<" + page.target_uri + ">");
  AddHeader(h, "Call-ID", page.id);
  AddHeader(h, "CSeq", std::to_string(++outgoing.cseq) + " MESSAGE");
  AddHeader(h, context_.IdentityHeader(), "<" + ClaimedIdentity(binding.impu, binding.associated_uris) + ">");
  AddHeader(h, "P-Access-Network-Info", context_.config.access_network_info);
  AddHeader(h, "P-Charging-Vector", context_.ChargingVector());
  h += authorization;
  context_.counters.Add(SipCounter::kMessageSent);
  outgoing.transaction = context_.transactions.Send(
      request, [this, id = page.id](int status, const MessageView& response) { HandleResponse(id, status, response); });
  if (outgoing.transaction == nullptr) Finish(page.id, 500, "Message refused by the stack");
}

void Pager::HandleResponse(const std::string& id, int status, const MessageView& response) {
  const auto found = outgoing_.find(id);
  if (status < 200 || found == outgoing_.end()) return;
  Outgoing& outgoing = found->second;
  if ((status == 401 || status == 407) && !outgoing.is_challenged) {
    outgoing.is_challenged = true;
    auth::DigestSession session;
    const std::string impi = registrations_.ImpiOf(outgoing.page.binding.registration_id);
    const auto line = AnswerChallenge(context_, response, "MESSAGE", outgoing.page.target_uri, impi, &session);
    if (line) return SendRequest(outgoing, *line);
  }
  registrations_.HeedRestoration(outgoing.page.binding.registration_id, response);
  Finish(id, status, response.phrase());
}

void Pager::Finish(const std::string& id, int status, std::string phrase) {
  const std::string keep = id;  // it may live in what is erased
  outgoing_.erase(keep);
  if (status >= 300) context_.counters.Add(SipCounter::kMessageFailed);
  on_answered(keep, status, std::move(phrase));
}

void Pager::Refuse(ServerTransaction& transaction, int status, SipCounter why) const {
  context_.counters.Add(why);
  std::string headers;
  if (status == 415) AddHeader(headers, "Accept", kAccept);
  if (status == 503) AddHeader(headers, "Retry-After", kRetryAfterOverloadS);
  transaction.Respond(status, {}, headers);
}

void Pager::HandleMessage(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  context_.counters.Add(SipCounter::kMessageReceived);
  const auto uri = ParseUri(request.request_uri());
  const std::string token = uri ? uri->user : std::string();
  if (!registrations_.KnowsToken(token))
    return Refuse(*transaction, StatusOfUnknownToken(token), SipCounter::kRefusedUnknownToken);
  transaction->SetAccessNetworkInfo(context_.config.access_network_info);
  if (request.body().size() > messaging::kMaxPageBytes) {
    return Refuse(*transaction, 413, SipCounter::kRefusedBadBody);
  }
  if (waiting_.size() >= kMaxWaiting) return Refuse(*transaction, 503, SipCounter::kRefusedOverload);
  IncomingPage page{
      .contact_token = token,
      .sender = SenderOf(request, context_.config).value_or(call::Party()),
      .transaction_key = request.call_id() + "\n" + std::to_string(request.cseq()) + "\n" + request.from_tag(),
      .content_type = request.Header("Content-Type").value_or(""),
      .body = std::string(request.body())};
  const uint64_t key = next_key_++;
  waiting_[key] = std::move(transaction);
  on_page(key, std::move(page));
}

void Pager::Answer(uint64_t key, int status) {
  const auto node = waiting_.extract(key);
  if (node.empty()) return;
  switch (status) {
    case 200: return node.mapped()->Respond(200);
    case 404:
    case 480: return Refuse(*node.mapped(), status, SipCounter::kRefusedUnknownToken);
    case 503: return Refuse(*node.mapped(), status, SipCounter::kRefusedOverload);
    default: return Refuse(*node.mapped(), status, SipCounter::kRefusedBadBody);
  }
}

}  // namespace byon::sip
