#include "controlplane/web_sip/request_head.h"

#include <algorithm>

namespace byon::web_sip {
namespace {

constexpr std::string_view kMagicCookie = "z9hG4bK";  // RFC 3261 section 8.1.1.7
constexpr size_t kMaxIdBytes = 256;
constexpr uint64_t kMaxCSeq = 0x7fffffff;  // RFC 3261 section 8.1.1.5

struct Via {
  std::string host;  // without port
  std::string branch;
};

// sent-protocol LWS sent-by *( SEMI via-params ) of one Via value.
std::optional<Via> ReadVia(std::string_view value) {
  const size_t semicolon = value.find(';');
  const std::string_view sent = value.substr(0, semicolon);
  const size_t space = sent.find_first_of(" \t");
  if (space == sent.npos || !sip::EqualsIgnoringCase(sent.substr(0, 8), "SIP/2.0/")) return std::nullopt;
  std::string_view sent_by = sent.substr(space);
  while (!sent_by.empty() && (sent_by.front() == ' ' || sent_by.front() == '\t')) sent_by.remove_prefix(1);
  while (!sent_by.empty() && (sent_by.back() == ' ' || sent_by.back() == '\t')) sent_by.remove_suffix(1);
  if (sent_by.empty() || semicolon == value.npos) return std::nullopt;
  // The parameters' syntax is that of any header.
  const auto parsed = sip::ParseNameAddr("<sip:via>" + std::string(value.substr(semicolon)));
  if (!parsed) return std::nullopt;
  Via via;
  via.host = std::string(sent_by);
  via.branch = parsed->Parameter("branch").value_or("");
  return via;
}

bool IsIdText(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<std::pair<uint32_t, std::string>> ReadCSeq(const std::string& value) {
  const size_t space = value.find_first_of(" \t");
  if (space == value.npos) return std::nullopt;
  const auto number = sip::ParseNumber(std::string_view(value).substr(0, space), kMaxCSeq);
  const size_t method = value.find_first_not_of(" \t", space);
  if (!number || method == value.npos) return std::nullopt;
  return std::pair(static_cast<uint32_t>(*number), value.substr(method));
}

std::optional<Rejection> CheckExtensions(const SipMessage& request) {
  std::string unsupported;
  for (const char* name : {"Require", "Proxy-Require"}) {
    for (const std::string& line : request.All(name)) {
      for (const std::string& option : sip::SplitHeaderList(line)) {
        const bool is_known = sip::EqualsIgnoringCase(option, "timer");
        if (!is_known) unsupported += (unsupported.empty() ? "" : ", ") + option;
      }
    }
  }
  if (unsupported.empty()) return std::nullopt;
  return Rejection{420, Counter::kBadExtension, {{"Unsupported", unsupported}}};
}

}  // namespace

bool IsContactUri(std::string_view uri) {
  const bool is_clean = std::all_of(uri.begin(), uri.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("<>\"\\^`{|}").find(c) == std::string_view::npos;
  });
  const auto parts = is_clean ? sip::ParseUri(uri) : std::nullopt;
  return parts && (parts->scheme == "sip" || parts->scheme == "sips") && !parts->host.empty();
}

bool CanBeAnswered(const SipMessage& request) {
  for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    if (request.Find(name) == nullptr) return false;
  }
  return true;
}

base::Result<RequestHead, Rejection> ReadHead(const SipMessage& request, std::string_view own_host) {
  const Rejection bad{400, Counter::kBadRequest, {}};
  for (const char* name : {"From", "To", "Call-ID", "CSeq"}) {
    if (request.Count(name) != 1) return bad;
  }
  for (const char* name : {"Max-Forwards", "Content-Type", "Content-Length", "Expires"}) {
    if (request.Count(name) > 1) return bad;
  }
  RequestHead head;
  const auto from = sip::ParseNameAddr(request.Text("From"));
  const auto to = sip::ParseNameAddr(request.Text("To"));
  const auto cseq = ReadCSeq(request.Text("CSeq"));
  head.call_id = request.Text("Call-ID");
  if (!from || !to || !cseq || cseq->second != request.method() || !IsIdText(head.call_id)) return bad;
  head.from = *from;
  head.to = *to;
  head.from_tag = from->Parameter("tag").value_or("");
  head.to_tag = to->Parameter("tag").value_or("");
  head.cseq = cseq->first;
  if (!IsIdText(head.from_tag) || head.to_tag.size() > kMaxIdBytes) return bad;
  bool is_top = true;
  for (const std::string& line : request.All("Via")) {
    for (const std::string& value : sip::SplitHeaderList(line)) {
      const auto via = ReadVia(value);
      if (!via) return bad;
      if (sip::EqualsIgnoringCase(via->host, own_host)) return Rejection{482, Counter::kLoop, {}};
      if (is_top) head.branch = via->branch;
      is_top = false;
    }
  }
  const bool is_new_branch = head.branch.starts_with(kMagicCookie) && head.branch.size() > kMagicCookie.size();
  if (!is_new_branch || !IsIdText(head.branch)) return bad;
  const bool is_service = request.uri().starts_with("urn:service:");
  const auto uri = sip::ParseUri(request.uri());
  if (!is_service && !uri) return bad;
  const bool is_ours = is_service || uri->scheme == "sip" || uri->scheme == "sips" || uri->scheme == "tel";
  if (!is_ours) return Rejection{416, Counter::kBadRequest, {}};
  if (!is_service && !IsContactUri(request.uri()) && !sip::IsSafeUri(request.uri())) return bad;
  if (const std::string* hops = request.Find("Max-Forwards")) {
    const auto left = sip::ParseNumber(*hops, 255);
    if (!left) return bad;
    if (*left == 0) return Rejection{483, Counter::kTooManyHops, {}};
  }
  if (request.method() != "ACK" && request.method() != "CANCEL") {
    if (auto rejection = CheckExtensions(request)) return *std::move(rejection);
  }
  return head;
}

std::optional<ResponseHead> ReadResponseHead(const SipMessage& response) {
  const auto vias = sip::SplitHeaderList(response.Text("Via"));
  const auto cseq = ReadCSeq(response.Text("CSeq"));
  const auto to = sip::ParseNameAddr(response.Text("To"));
  if (vias.empty() || !cseq || !to) return std::nullopt;
  const auto via = ReadVia(vias.front());
  if (!via || via->branch.empty()) return std::nullopt;
  return ResponseHead{via->branch, cseq->second, cseq->first, to->Parameter("tag").value_or("")};
}

SipMessage ResponseTo(const SipMessage& request, int status, const std::string& to_tag) {
  SipMessage response = SipMessage::Response(status, std::string(PhraseOf(status)));
  for (const std::string& via : request.All("Via")) response.Add("Via", via);
  response.Add("From", request.Text("From"));
  std::string to = request.Text("To");
  const auto parsed = sip::ParseNameAddr(to);
  const bool has_tag = parsed && parsed->Parameter("tag");
  if (!has_tag && status != 100 && !to_tag.empty()) to += ";tag=" + to_tag;
  response.Add("To", to);
  response.Add("Call-ID", request.Text("Call-ID"));
  response.Add("CSeq", request.Text("CSeq"));
  return response;
}

}  // namespace byon::web_sip
