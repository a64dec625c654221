#include "tools/simphone/registration.h"

#include <algorithm>
#include <cstdlib>

namespace byon::simphone {
namespace {

// The phone gives up after the second challenge to the same request: its password is wrong.
constexpr int kMostChallenges = 2;

}  // namespace

Registration::Registration(const PhoneConfig& config, TransactionLayer& transactions, SipEndpoint pcscf,
                           OutcomeHandler handler)
    : config_(config),
      transactions_(transactions),
      pcscf_(std::move(pcscf)),
      handler_(std::move(handler)),
      call_id_(transactions.NewToken(20)),
      from_tag_(transactions.NewToken(10)) {}

std::string Registration::ContactUri() const {
  return "sip:" + config_.number + "@" + transactions_.transport().HostPort();
}

std::vector<std::string> Registration::RouteSet() const {
  const bool is_v6 = pcscf_.ip.find(':') != std::string::npos;
  std::vector<std::string> routes = {"<sip:" + (is_v6 ? "[" + pcscf_.ip + "]" : pcscf_.ip) + ":" +
                                     std::to_string(pcscf_.port) + ";lr>"};
  routes.insert(routes.end(), service_route_.begin(), service_route_.end());
  return routes;
}

void Registration::Start(int expires_s) {
  transactions_.loop().Cancel(refresh_timer_);
  refresh_timer_ = 0;
  wanted_expires_s_ = expires_s;
  challenges_in_a_row_ = 0;
  SendRegister();
}

void Registration::SendRegister() {
  const std::string registrar = "sip:" + config_.domain;
  const std::string identity = "<sip:" + config_.number + "@" + config_.domain + ">";
  SipMessage request = SipMessage::Request("REGISTER", registrar);
  request.Add("Route", RouteSet().front());
  request.Add("Max-Forwards", "70");
  request.Add("From", identity + ";tag=" + from_tag_);
  request.Add("To", identity);
  request.Add("Call-ID", call_id_);
  request.Add("CSeq", std::to_string(++cseq_) + " REGISTER");
  request.Add("Contact", "<" + ContactUri() + ">;+sip.instance=\"<urn:gsma:imei:" + config_.imei +
                             ">\";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\""
                             ";audio");
  request.Add("Expires", std::to_string(wanted_expires_s_));
  request.Add("Supported", "path, gruu");
  request.Add("P-Access-Network-Info", "3GPP-NR-TDD; utran-cell-id-3gpp=2140100010000001");
  if (challenge_) {
    const std::string impi =
        config_.private_identity.empty() ? config_.number + "@" + config_.domain : config_.private_identity;
    request.Add("Authorization", MakeAuthorization(*challenge_, {impi, config_.password}, "REGISTER", registrar,
                                                   ++nonce_count_, transactions_.NewToken(12)));
  }
  transactions_.Send(std::move(request), pcscf_, [this](const SipMessage& r) { Receive(r); });
}

void Registration::Receive(const SipMessage& response) {
  if (response.status() < 200) return;
  if (response.status() == 401 || response.status() == 407) {
    ReceiveChallenge(response);
  } else if (response.status() < 300) {
    ReceiveSuccess(response);
  } else if (response.status() == 423) {
    const int least = std::atoi(response.Header("Min-Expires").c_str());
    if (least > wanted_expires_s_) return Start(least);
    handler_({423, response.reason_phrase(), is_registered_, 0});
  } else {
    is_registered_ = false;
    handler_({response.status(), response.reason_phrase(), false, 0});
  }
}

void Registration::ReceiveChallenge(const SipMessage& response) {
  const char* header = response.status() == 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
  challenge_ = DigestChallenge::Parse(response.Header(header));
  nonce_count_ = 0;
  if (!challenge_ || ++challenges_in_a_row_ > kMostChallenges) {
    is_registered_ = false;
    handler_({response.status(), challenge_ ? "wrong password" : "unknown challenge", false, 0});
    return;
  }
  SendRegister();
}

void Registration::ReceiveSuccess(const SipMessage& response) {
  challenges_in_a_row_ = 0;
  service_route_ = response.HeaderList("Service-Route");
  path_ = response.HeaderList("Path");
  associated_uris_ = response.HeaderList("P-Associated-URI");
  // Other devices' contacts stand beside ours; only ours carries our expiry.
  int expires_s = wanted_expires_s_;
  for (const std::string& contact : response.HeaderList("Contact")) {
    const NameAddress address = NameAddress::Parse(contact);
    if (address.uri != ContactUri()) continue;
    if (const auto granted = address.Parameter("expires")) expires_s = std::atoi(granted->c_str());
  }
  is_registered_ = wanted_expires_s_ > 0;
  if (is_registered_) ScheduleRefresh(expires_s);
  handler_({response.status(), response.reason_phrase(), is_registered_, expires_s});
}

void Registration::ScheduleRefresh(int expires_s) {
  // TS 24.229 section 5.1.1.4.
  const int delay_s = expires_s > 1200 ? expires_s - 600 : std::max(1, expires_s / 2);
  refresh_timer_ = transactions_.loop().RunAfter(std::chrono::seconds(delay_s), [this] { Start(config_.expires_s); });
}

}  // namespace byon::simphone
