#include "controlplane/sip/registrations/binding.h"

#include "controlplane/sip/shard_context.h"
#include "controlplane/sip/text/field_text.h"
#include "controlplane/sip/text/header_text.h"

namespace byon::sip {

namespace {

constexpr std::string_view kSnapshotKind = "byon-sip-registration 1";
constexpr uint32_t kLeap = 8;  // requests after the snapshot

}  // namespace

void Binding::Reset() {
  call_id = RandomHex(16);
  from_tag = RandomHex(8);
  cseq = 0;
  digest.reset();
  aka_response.clear();
  reg_event.reset();  // it went with the binding that it was about
}

void Binding::BeginRegEvent() {
  reg_event.emplace();
  listing = Listing::kNever;
  is_in_doubt = was_checked = is_subscription_owed = false;
}

std::string SnapshotOf(const Binding& binding, unsigned shard, uint64_t sequence_number) {
  FieldWriter writer(kSnapshotKind);
  writer.Add("shard", shard);
  writer.Add("call_id", binding.call_id);
  writer.Add("from_tag", binding.from_tag);
  writer.Add("cseq", binding.cseq);
  for (const std::string& path : binding.path) writer.Add("path", path);
  if (!binding.gruu.empty()) writer.Add("gruu", binding.gruu);
  if (binding.is_outbound) writer.Add("outbound", "1");
  // What an ISIM answered is not written down, so its nonce serves no more after a restart.
  const bool is_kept = binding.digest && binding.digest->challenge().algorithm != auth::DigestAlgorithm::kAkaV1Md5;
  if (is_kept) {
    const auth::DigestChallenge& challenge = binding.digest->challenge();
    std::string text = "Digest realm=" + Quote(challenge.realm) + ",nonce=" + Quote(challenge.nonce);
    if (!challenge.opaque.empty()) text += ",opaque=" + Quote(challenge.opaque);
    if (challenge.has_qop_auth) text += ",qop=\"auth\"";
    if (challenge.has_algorithm) {
      text += challenge.algorithm == auth::DigestAlgorithm::kSha256 ? ",algorithm=SHA-256" : ",algorithm=MD5";
    }
    writer.Add("challenge", text);
  }
  writer.Add("nonce_count", is_kept ? binding.digest->nonce_count() : 0);
  writer.Add("sequence_number", sequence_number);
  return writer.Take();
}

std::optional<BindingSnapshot> ParseBindingSnapshot(std::string_view text) {
  auto reader = FieldReader::Parse(kSnapshotKind, text);
  if (!reader) return std::nullopt;
  BindingSnapshot snapshot;
  snapshot.call_id = reader->Text("call_id");
  snapshot.from_tag = reader->Text("from_tag");
  snapshot.cseq = static_cast<uint32_t>(reader->Number("cseq", 0x7ffffff0)) + kLeap;
  if (!reader->ok()) return std::nullopt;
  snapshot.path = reader->All("path");
  if (const auto gruu = reader->All("gruu"); !gruu.empty()) snapshot.gruu = gruu.front();
  snapshot.is_outbound = !reader->All("outbound").empty();
  const std::vector<std::string> challenge = reader->All("challenge");
  const auto parsed = challenge.empty() ? std::nullopt : auth::ParseDigestChallenge(challenge.front());
  const uint64_t nonce_count = reader->Number("nonce_count", 0x7fffffff);
  const uint64_t sequence_number = reader->Number("sequence_number", (uint64_t{1} << 48) - 1);
  if (reader->ok()) snapshot.sequence_number = sequence_number;
  if (parsed) snapshot.digest.emplace(*parsed, static_cast<uint32_t>(nonce_count) + kLeap);
  return snapshot;
}

}  // namespace byon::sip
