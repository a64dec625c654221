#include "tools/simphone/dialog_publisher.h"

#include <utility>

namespace byon::simphone {
namespace {

constexpr const char* kExpiresS = "600";

std::string EntryText(const DialogPublisher::Entry& entry) {
  const Dialog& dialog = *entry.dialog;
  const std::string identity = NameAddress::Parse(dialog.remote_address).uri;
  return "<dialog id=\"" + dialog.local_tag + "\" call-id=\"" + dialog.call_id + "\" local-tag=\"" + dialog.local_tag +
         "\" remote-tag=\"" + dialog.remote_tag + "\" direction=\"" + (entry.is_initiator ? "initiator" : "recipient") +
         "\"><state>confirmed</state><sa:exclusive>false</sa:exclusive><remote><identity>" + identity +
         "</identity></remote></dialog>\r\n";
}

}  // namespace

void DialogPublisher::Publish(const std::vector<Entry>& calls) {
  std::string document;
  for (const Entry& entry : calls) document += EntryText(entry);
  if (document == pending_.value_or(published_)) return;
  if (is_open_) {
    pending_ = std::move(document);
  } else {
    Send(std::move(document));
  }
}

// Without dialogs what was published is taken back.
void DialogPublisher::Send(std::string document) {
  published_ = document;
  if (document.empty() && entity_tag_.empty()) return;
  const std::string own = "sip:" + config_.number + "@" + config_.domain;
  SipMessage publish = SipMessage::Request("PUBLISH", own);
  for (const std::string& route : registration_.RouteSet()) publish.Add("Route", route);
  publish.Add("Max-Forwards", "70");
  publish.Add("From", "<" + own + ">;tag=" + transactions_.NewToken(10));
  publish.Add("To", "<" + own + ">");
  publish.Add("Call-ID", transactions_.NewToken(24));
  publish.Add("CSeq", "1 PUBLISH");
  publish.Add("P-Preferred-Identity", "<" + own + ">");
  publish.Add("Event", "dialog");
  publish.Add("Expires", document.empty() ? "0" : kExpiresS);
  if (!entity_tag_.empty()) publish.Add("SIP-If-Match", entity_tag_);
  if (!document.empty()) {
    publish.SetBody("application/dialog-info+xml",
                    "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" "
                    "xmlns:sa=\"urn:ietf:params:xml:ns:sa-dialog-info\" version=\"0\" state=\"full\" entity=\"" +
                        own + "\">\r\n" + document + "</dialog-info>\r\n");
  }
  is_open_ = true;
  transactions_.Send(std::move(publish), NextHopOf({}, "sip:" + config_.pcscf),
                     [this, document](const SipMessage& response) {
                       if (response.status() < 200) return;
                       is_open_ = false;
                       constexpr int kConditionalRequestFailed = 412;
                       const bool is_forgotten = response.status() == kConditionalRequestFailed && !entity_tag_.empty();
                       entity_tag_ = response.status() < 300 && !document.empty() ? response.Header("SIP-ETag") : "";
                       if (pending_) return Send(*std::exchange(pending_, std::nullopt));
                       if (is_forgotten) Send(document);
                     });
}

}  // namespace byon::simphone
