#include "controlplane/sip/sofia.h"
// The library's headers go first: they fix its context types.
#include "controlplane/sip/message_view.h"

#include <algorithm>

#include "controlplane/sip/text/status_phrase.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxHeaders = 512;  // walked in a message
constexpr size_t kMaxRoutes = 16;

std::string Text(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// The library leaves out a header's last part without a word when it fits with less than a byte or two to spare.
constexpr size_t kSpareBytes = 16;

std::string Encode(const msg_header_t* header) {
  std::string text(256, '\0');
  issize_t length = msg_header_field_e(text.data(), static_cast<isize_t>(text.size()), header, 0);
  if (length < 0) return {};
  if (static_cast<size_t>(length) + kSpareBytes > text.size()) {
    text.resize(static_cast<size_t>(length) + kSpareBytes);
    length = msg_header_field_e(text.data(), static_cast<isize_t>(text.size()), header, 0);
    if (length < 0) return {};
  }
  text.resize(static_cast<size_t>(length));
  return text;
}

const msg_header_t* First(const sip_t* sip) {
  if (sip == nullptr) return nullptr;
  if (sip->sip_request != nullptr) return reinterpret_cast<const msg_header_t*>(sip->sip_request);
  return reinterpret_cast<const msg_header_t*>(sip->sip_status);
}

// From or To without its tag, quoted display name kept.
std::string AddressWithoutTag(const std::string& value) {
  const auto address = ParseNameAddr(value);
  if (!address) return {};
  std::string result = address->display_name.empty() ? std::string() : Quote(address->display_name) + " ";
  return result + "<" + address->uri + ">";
}

}  // namespace

bool MessageView::is_request() const { return sip_ != nullptr && sip_->sip_request != nullptr; }

std::string MessageView::method() const {
  if (is_request()) return Text(sip_->sip_request->rq_method_name);
  return sip_ != nullptr && sip_->sip_cseq != nullptr ? Text(sip_->sip_cseq->cs_method_name) : "";
}

std::string MessageView::request_uri() const {
  if (!is_request()) return {};
  su_home_t home[1] = {SU_HOME_INIT(home)};
  std::string uri = Text(url_as_string(home, sip_->sip_request->rq_url));
  su_home_deinit(home);
  return uri;
}

int MessageView::status() const {
  return sip_ != nullptr && sip_->sip_status != nullptr ? sip_->sip_status->st_status : 0;
}

std::string MessageView::phrase() const {
  return sip_ != nullptr && sip_->sip_status != nullptr ? ShownPhrase(status(), Text(sip_->sip_status->st_phrase)) : "";
}

std::string MessageView::call_id() const {
  return sip_ != nullptr && sip_->sip_call_id != nullptr ? Text(sip_->sip_call_id->i_id) : "";
}

uint32_t MessageView::cseq() const { return sip_ != nullptr && sip_->sip_cseq != nullptr ? sip_->sip_cseq->cs_seq : 0; }

std::string MessageView::from_tag() const {
  return sip_ != nullptr && sip_->sip_from != nullptr ? Text(sip_->sip_from->a_tag) : "";
}

std::string MessageView::to_tag() const {
  return sip_ != nullptr && sip_->sip_to != nullptr ? Text(sip_->sip_to->a_tag) : "";
}

std::string MessageView::from() const { return AddressWithoutTag(Header("From").value_or("")); }
std::string MessageView::to() const { return AddressWithoutTag(Header("To").value_or("")); }

std::optional<int> MessageView::max_forwards() const {
  if (sip_ == nullptr || sip_->sip_max_forwards == nullptr) return std::nullopt;
  return static_cast<int>(std::min<unsigned long>(sip_->sip_max_forwards->mf_count, 255));
}

std::optional<std::string> MessageView::Header(std::string_view name) const {
  size_t count = 0;
  for (const msg_header_t* h = First(sip_); h != nullptr && count < kMaxHeaders; h = h->sh_succ, ++count) {
    if (h->sh_class->hc_hash == msg_unknown_hash) {
      if (EqualsIgnoringCase(Text(h->sh_unknown->un_name), name)) return Text(h->sh_unknown->un_value);
    } else if (h->sh_class->hc_name != nullptr && EqualsIgnoringCase(h->sh_class->hc_name, name)) {
      return Encode(h);
    }
  }
  return std::nullopt;
}

std::vector<std::string> MessageView::Headers(std::string_view name) const {
  std::vector<std::string> values;
  size_t count = 0;
  for (const msg_header_t* h = First(sip_); h != nullptr && count < kMaxHeaders; h = h->sh_succ, ++count) {
    const bool is_unknown = h->sh_class->hc_hash == msg_unknown_hash;
    const char* own_name = is_unknown ? h->sh_unknown->un_name : h->sh_class->hc_name;
    if (own_name == nullptr || !EqualsIgnoringCase(own_name, name)) continue;
    const std::string value = is_unknown ? Text(h->sh_unknown->un_value) : Encode(h);
    // Challenges have commas inside one value; everything else that we read is a list.
    if (name == "WWW-Authenticate" || name == "Proxy-Authenticate") {
      values.push_back(value);
      continue;
    }
    for (std::string& item : SplitHeaderList(value)) values.push_back(std::move(item));
  }
  return values;
}

bool MessageView::Lists(std::string_view header, std::string_view token) const {
  const std::vector<std::string> values = Headers(header);
  return std::any_of(values.begin(), values.end(),
                     [&](const std::string& value) { return EqualsIgnoringCase(value, token); });
}

std::optional<uint64_t> MessageView::Number(std::string_view header, uint64_t max) const {
  const auto value = Header(header);
  if (!value) return std::nullopt;
  return ParseNumber(std::string_view(*value).substr(0, value->find_first_of(" ;(")), max);
}

ReasonFields MessageView::reason() const {
  std::string joined;
  for (const std::string& value : Headers("Reason")) joined += (joined.empty() ? "" : ",") + value;
  ReasonFields fields = ParseReason(joined);
  fields.text = ShownPhrase(fields.sip_cause, fields.text);
  return fields;
}

std::optional<SessionExpires> MessageView::session_expires() const {
  const auto value = Header("Session-Expires");
  return value ? ParseSessionExpires(*value) : std::nullopt;
}

SessionTimerRequest MessageView::session_timer_request() const {
  SessionTimerRequest request;
  request.supports_timer = Lists("Supported", "timer") || Lists("Require", "timer");
  request.session_expires = session_expires();
  request.min_se = std::chrono::seconds(Number("Min-SE", 0x7fffffff).value_or(90));
  if (!Header("Min-SE")) request.min_se = std::chrono::seconds(0);
  return request;
}

std::string_view MessageView::body() const {
  if (sip_ == nullptr || sip_->sip_payload == nullptr || sip_->sip_payload->pl_data == nullptr) return {};
  return {sip_->sip_payload->pl_data, static_cast<size_t>(sip_->sip_payload->pl_len)};
}

std::string MessageView::content_type() const {
  if (sip_ == nullptr || sip_->sip_content_type == nullptr) return {};
  return ToLower(Text(sip_->sip_content_type->c_type));
}

BodyVerdict MessageView::JudgeBody() const {
  if (body().empty()) return {};
  return FindSdp(Header("Content-Type").value_or(""), Header("Content-Disposition").value_or(""), body());
}

std::optional<std::string> MessageView::sdp() const {
  const BodyVerdict verdict = JudgeBody();
  return verdict.content ? std::optional(std::string(*verdict.content)) : std::nullopt;
}

BodyVerdict::Kind MessageView::body_kind() const { return JudgeBody().kind; }

std::string_view MessageView::part(std::string_view type) const {
  return FindPart(Header("Content-Type").value_or(""), body(), type);
}

std::string MessageView::contact_uri() const {
  const std::vector<std::string> contacts = Headers("Contact");
  const auto address = contacts.empty() ? std::nullopt : ParseNameAddr(contacts.front());
  return address && IsSafeText(address->uri) ? address->uri : std::string();
}

std::vector<std::string> MessageView::RouteSet(bool is_reversed) const {
  std::vector<std::string> routes = Headers("Record-Route");
  if (routes.size() > kMaxRoutes) routes.resize(kMaxRoutes);
  if (is_reversed) std::reverse(routes.begin(), routes.end());
  return routes;
}

}  // namespace byon::sip
