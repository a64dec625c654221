#include "controlplane/web_sip/registrar.h"

#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/web_sip/leg.h"

namespace byon::web_sip {
namespace {

constexpr uint64_t kMaxExpires = 0xffffffff;  // RFC 3261 section 20.19
constexpr char kCreateScope[] = "webrtc-registration:sessions:create";
constexpr char kDeleteScope[] = "webrtc-registration:sessions:delete";
constexpr std::string_view kUrnUuid = "urn:uuid:";
constexpr uint16_t kPolicyViolation = 1008;

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

int64_t SecondsUntil(api::WallTime end, api::WallTime now) {
  return std::max<int64_t>(0, std::chrono::ceil<std::chrono::seconds>(end - now).count());
}

}  // namespace

std::string DeviceIdOf(const sip::NameAddr& contact, const std::string& number) {
  std::string instance = sip::ToLower(contact.Parameter("+sip.instance").value_or(""));
  if (instance.starts_with('<') && instance.ends_with('>')) instance = instance.substr(1, instance.size() - 2);
  if (instance.starts_with(kUrnUuid) && IsUuid(std::string_view(instance).substr(kUrnUuid.size()))) {
    return instance.substr(kUrnUuid.size());
  }
  // RFC 9562 section 5.8: version 8, the bits are ours to choose.
  std::string hex = auth::DigestHex(auth::DigestAlgorithm::kSha256, "sip-contact\n" + number + '\n' + contact.uri);
  hex[12] = '8';
  hex[16] = '8';
  return hex.substr(0, 8) + '-' + hex.substr(8, 4) + '-' + hex.substr(12, 4) + '-' + hex.substr(16, 4) + '-' +
         hex.substr(20, 12);
}

struct Registrar::Request {
  std::weak_ptr<Flow> flow;
  ServerTransactionPointer transaction;
  Identity identity;
  Line line;
  uint64_t expires = 0;
};

void Registrar::OnRegister(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity) {
  const SipMessage& message = transaction->request;
  const auto reject = [&](int status, Counter counter) { transaction->Reject({status, counter, {}}); };
  if (!CheckAddress(transaction, identity)) return;
  std::vector<std::string> contacts;
  for (const std::string& line : message.All("Contact")) {
    for (std::string& value : sip::SplitHeaderList(line)) contacts.push_back(std::move(value));
  }
  if (contacts.empty()) return AnswerWithBindings(transaction, identity.who);
  if (contacts.size() > 1) return reject(403, Counter::kTooManyRegistrations);
  auto request = std::make_shared<Request>();
  request->flow = flow.weak_from_this();
  request->transaction = transaction;
  request->identity = identity;
  std::optional<uint64_t> expires = config_.default_expires.count();
  if (const std::string* header = message.Find("Expires")) expires = sip::ParseNumber(*header, kMaxExpires);
  if (contacts.front() == "*") {
    if (expires != 0) return reject(400, Counter::kBadRequest);  // RFC 3261 section 10.3, step 6
    return RemoveAll(request);
  }
  const auto contact = sip::ParseNameAddr(contacts.front());
  if (!contact || !IsContactUri(contact->uri)) return reject(400, Counter::kBadRequest);
  if (const auto own = contact->Parameter("expires")) expires = sip::ParseNumber(*own, kMaxExpires);
  if (!expires) return reject(400, Counter::kBadRequest);
  request->expires = *expires;
  Line& line = request->line;
  line.who = identity.who;
  line.number = *identity.who.phone_number;
  line.device = {identity.who.client_id, identity.who.subject, DeviceIdOf(*contact, line.number)};
  line.contact_uri = contact->uri;
  line.contact = '<' + contact->uri + '>';
  for (const char* name : {"+sip.instance", "reg-id"}) {
    const auto value = contact->Parameter(name);
    if (value && sip::IsSafeText(*value))
      line.contact += std::string(";") + name + '=' + (*name == '+' ? sip::Quote(*value) : *value);
  }
  line.call_id = transaction->head.call_id;
  line.cseq = transaction->head.cseq;
  line.flow = request->flow;
  const Line* known = lines_.Find(line.device);
  if (known != nullptr && known->call_id == line.call_id && line.cseq <= known->cseq) {
    return reject(500, Counter::kOldSequence);  // RFC 3261 section 10.3, step 7
  }
  if (request->expires == 0) return Unbind(request);
  if (request->expires < static_cast<uint64_t>(config_.min_expires.count())) {
    return transaction->Reject(
        {423, Counter::kIntervalTooBrief, {{"Min-Expires", std::to_string(config_.min_expires.count())}}});
  }
  const Line* present = lines_.FindByFlow(flow);
  if (present != nullptr && present->device != line.device) return reject(403, Counter::kTooManyRegistrations);
  if (!identity.Has(kCreateScope)) return reject(403, Counter::kForbidden);
  Bind(request);
}

// The address of record is the user's own number in our domain.
bool Registrar::CheckAddress(const ServerTransactionPointer& transaction, const Identity& identity) {
  const auto domain = sip::ParseUri(transaction->request.uri());
  const auto aor = sip::ParseUri(transaction->head.to.uri);
  const bool is_here = domain && domain->user.empty() && sip::EqualsIgnoringCase(domain->host, config_.domain) && aor &&
                       (aor->scheme == "tel" || sip::EqualsIgnoringCase(aor->host, config_.domain));
  if (!is_here) {
    transaction->Reject({404, Counter::kUnknownDomain, {}});
    return false;
  }
  const bool is_own = call::PhoneNumberOf(transaction->head.to.uri) == identity.who.phone_number;
  if (!is_own) transaction->Reject({403, Counter::kForbidden, {}});
  return is_own;
}

void Registrar::Bind(const std::shared_ptr<Request>& request) {
  const gateway::Principal& who = request->identity.who;
  const std::string& device_id = request->line.device.device_id;
  const api::WallTime expire_time = ports_.now() + std::chrono::seconds(request->expires);
  const auto done = [this, request](const gateway::Outcome<gateway::Registration>& outcome) {
    OnBound(*request, outcome);
  };
  const auto known = ports_.service.ListRegistrations(who, device_id);
  if (!known.empty()) {
    return ports_.service.UpdateRegistration(who, known.front().registration_id, expire_time, done);
  }
  gateway::RegistrationRequest create;
  create.device_id = device_id;
  create.expire_time = expire_time;
  ports_.service.CreateRegistration(who, std::move(create), done);
}

void Registrar::OnBound(const Request& request, const gateway::Outcome<gateway::Registration>& outcome) {
  const ServerTransactionPointer& transaction = request.transaction;
  if (const auto* error = std::get_if<gateway::Error>(&outcome)) {
    using gateway::ErrorCode;
    const bool is_limit = error->code == ErrorCode::kMaxRegistrationsPerUser ||
                          error->code == ErrorCode::kMaxRegistrationsPerMsisdn ||
                          error->code == ErrorCode::kMaxDevicesPerUser;
    const bool is_brief = error->code == ErrorCode::kOutOfRange;
    Rejection rejection{is_brief ? 423 : StatusCodeOf(*error),
                        is_limit   ? Counter::kTooManyRegistrations
                        : is_brief ? Counter::kIntervalTooBrief
                                   : Counter::kForbidden,
                        {}};
    if (is_brief) rejection.headers.emplace_back("Min-Expires", std::to_string(config_.min_expires.count()));
    if (rejection.status == 503) rejection.headers.emplace_back("Retry-After", "10");
    ports_.observer("sip_register_refused", error->message);
    return transaction->Reject(rejection);
  }
  const auto& registration = std::get<gateway::Registration>(outcome);
  Line line = request.line;
  line.registration_id = registration.registration_id;
  line.expires_at = registration.expires_at;
  const Line& bound = lines_.Put(std::move(line));
  counters_.Add(Counter::kRegistered);
  if (const auto flow = request.flow.lock()) {
    flow->set_identity(request.identity);
    flow->set_device(bound.device);
  }
  AnswerWithBindings(transaction, bound.who);
  observer_.on_bound(bound);
}

void Registrar::AnswerWithBindings(const ServerTransactionPointer& transaction, const gateway::Principal& who) {
  SipMessage response = transaction->Make(200);
  for (const gateway::DeviceKey& device : lines_.DevicesOf(who)) {
    const Line& line = *lines_.Find(device);
    response.Add("Contact", line.contact + ";expires=" + std::to_string(SecondsUntil(line.expires_at, ports_.now())));
  }
  const std::string uri = "sip:" + who.phone_number.value_or("") + '@' + config_.domain;
  response.Add("P-Associated-URI", '<' + uri + '>');  // RFC 7315 section 4.1
  response.Add("Allow", kAllow).Add("Supported", "timer");
  transaction->Respond(response);
}

void Registrar::Unbind(const std::shared_ptr<Request>& request) {
  if (!request->identity.Has(kDeleteScope)) return request->transaction->Reject({403, Counter::kForbidden, {}});
  // What is not found may be there all the same.
  if (ports_.service.is_restoring())
    return request->transaction->Reject({503, Counter::kRateLimited, {{"Retry-After", "2"}}});
  Remove(request->identity.who, request->line.device,
         [this, request] { AnswerWithBindings(request->transaction, request->identity.who); });
}

void Registrar::RemoveAll(const std::shared_ptr<Request>& request) {
  if (!request->identity.Has(kDeleteScope)) return request->transaction->Reject({403, Counter::kForbidden, {}});
  const auto devices = lines_.DevicesOf(request->identity.who);
  if (devices.empty()) return AnswerWithBindings(request->transaction, request->identity.who);
  const auto left = std::make_shared<size_t>(devices.size());
  for (const gateway::DeviceKey& device : devices) {
    Remove(request->identity.who, device, [this, request, left] {
      if (--*left == 0) AnswerWithBindings(request->transaction, request->identity.who);
    });
  }
}

void Registrar::Remove(const gateway::Principal& who, const gateway::DeviceKey& device, std::function<void()> done) {
  lines_.Erase(device);
  const auto known = ports_.service.ListRegistrations(who, device.device_id);
  if (known.empty()) return done();
  ports_.service.DeleteRegistration(who, known.front().registration_id,
                                    [done = std::move(done)](const gateway::Outcome<gateway::Done>&) { done(); });
}

void Registrar::OnRegistrationEnds(const std::string& registration_id, const std::string& why) {
  const Line* line = lines_.FindByRegistration(registration_id);
  if (line == nullptr) return;
  const auto flow = line->flow.lock();
  lines_.Erase(gateway::DeviceKey(line->device));
  // SIP has no word for it on this side; a client that finds its connection closed comes back and registers.
  if (flow) flow->Close(kPolicyViolation, "the registration has ended: " + why);
}

}  // namespace byon::web_sip
