#include "controlplane/sip/registrations/reginfo_verdict.h"

#include <gtest/gtest.h>

// Who is still registered, by documents that may lag behind, name aliases, or contacts that something has rewritten.
namespace byon::sip {
namespace {

using Event = registration::SipDeregistered::Event;
using Kind = ReginfoVerdict::Kind;

constexpr char kAor[] = "sip:+34600000001@ims.test";
constexpr char kInstance[] = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

ReginfoContact Contact(const std::string& uri, const std::string& event, const std::string& instance = "") {
  ReginfoContact contact;
  contact.uri = uri;
  contact.instance_id = instance;
  contact.event = event;
  contact.is_terminated = event != "registered" && event != "created" && event != "refreshed" && event != "shortened";
  return contact;
}
ReginfoContact Ours(const std::string& event) { return Contact("sip:TOKEN@10.0.0.1:5060", event); }
ReginfoContact Phone() { return Contact("sip:phone@10.0.0.9", "registered"); }
ReginfoContact As(ReginfoContact contact, const std::string& call_id, uint32_t cseq) {
  contact.call_id = call_id;
  contact.cseq = cseq;
  return contact;
}
Reginfo Document(std::vector<ReginfoContact> contacts, bool is_full = true) {
  return {.version = 0,
          .is_full = is_full,
          .registrations = {{.aor = kAor, .is_terminated = contacts.empty(), .contacts = contacts}}};
}
ReginfoVerdict Judge(const Reginfo& document, Listing before) {
  return JudgeReginfo(document, {.token = "TOKEN", .instance_id = kInstance, .aor = kAor, .call_id = "c", .cseq = 5},
                      before);
}
Kind KindOf(const Reginfo& document, Listing before) { return Judge(document, before).kind; }

TEST(ReginfoVerdict, EachEventHasItsMeaning) {  // Covers: R13
  const std::pair<const char*, Event> events[] = {
      {"rejected", Event::kRejected},         {"deactivated", Event::kDeactivated}, {"probation", Event::kProbation},
      {"unregistered", Event::kUnregistered}, {"expired", Event::kExpired},         {"shortened", Event::kShortened},
      {"somethingnew", Event::kUnregistered}};
  for (const auto& [text, event] : events) {
    for (const Listing before : {Listing::kNever, Listing::kByUri}) {
      ReginfoContact contact = Ours(text);
      contact.retry_after = std::chrono::seconds(7);
      contact.expires = std::chrono::seconds(9);
      const ReginfoVerdict verdict = Judge(Document({Phone(), contact}), before);
      EXPECT_EQ(verdict.kind, Kind::kRemoved) << text;
      EXPECT_EQ(verdict.removed.event, event) << text;
      EXPECT_EQ(verdict.removed.retry_after, std::chrono::seconds(event == Event::kShortened ? 9 : 7)) << text;
    }
  }
}

TEST(ReginfoVerdict, WhoIsThereIsListed) {
  EXPECT_EQ(Judge(Document({Phone(), Ours("registered")}), Listing::kNever).listing, Listing::kByUri);
  EXPECT_EQ(KindOf(Document({Phone(), Ours("refreshed")}, false), Listing::kByUri), Kind::kListed);
}

// The first document may have been made before our REGISTER; the next one will say.
TEST(ReginfoVerdict, WhoIsMissingIsNotGoneYet) {  // Covers: R13
  EXPECT_EQ(KindOf(Document({Phone()}), Listing::kNever), Kind::kDoubtful);
  EXPECT_EQ(KindOf(Document({Phone()}), Listing::kByUri), Kind::kDoubtful);
  EXPECT_EQ(KindOf({.version = 0, .is_full = true, .registrations = {}}, Listing::kNever), Kind::kDoubtful);
  EXPECT_EQ(KindOf(Document({Phone()}, false), Listing::kByUri), Kind::kNothing)
      << "a partial one names what has changed";
}

TEST(ReginfoVerdict, TheWholeIdentityIsGone) {  // Covers: R13
  const ReginfoVerdict verdict = Judge(Document({}), Listing::kByUri);
  EXPECT_EQ(verdict.kind, Kind::kRemoved);
  EXPECT_EQ(verdict.removed.event, Event::kUnregistered);
  EXPECT_EQ(KindOf(Document({}, false), Listing::kByInstance), Kind::kRemoved);
  EXPECT_EQ(KindOf(Document({}), Listing::kNever), Kind::kDoubtful) << "it may be of before our REGISTER";
}

TEST(ReginfoVerdict, AnOlderRegisterIsNotOurs) {  // Covers: R13
  EXPECT_EQ(KindOf(Document({As(Ours("rejected"), "c", 5)}), Listing::kNever), Kind::kRemoved);
  EXPECT_EQ(KindOf(Document({As(Ours("rejected"), "c", 4)}), Listing::kByUri), Kind::kDoubtful)
      << "we have registered since";
  EXPECT_EQ(KindOf(Document({As(Ours("deactivated"), "before", 9)}), Listing::kNever), Kind::kDoubtful);
  EXPECT_EQ(KindOf(Document({As(Ours("rejected"), "of a B2BUA", 9)}), Listing::kByUri), Kind::kRemoved);
}

// An alias may be barred while the identity stays, in whichever order they stand.
TEST(ReginfoVerdict, AnAliasThatGoesIsNotTheIdentity) {  // Covers: R13
  const ReginfoRegistration own{.aor = kAor, .is_terminated = false, .contacts = {Ours("registered")}};
  const ReginfoRegistration alias{.aor = "tel:+34600000001", .is_terminated = true, .contacts = {Ours("rejected")}};
  const auto document = [](std::vector<ReginfoRegistration> all, bool is_full) {
    return Reginfo{0, is_full, std::move(all)};
  };
  for (const Listing before : {Listing::kNever, Listing::kByUri}) {
    EXPECT_EQ(KindOf(document({own, alias}, true), before), Kind::kListed);
    EXPECT_EQ(KindOf(document({alias, own}, true), before), Kind::kListed);
  }
  EXPECT_EQ(KindOf(document({alias}, false), Listing::kByUri), Kind::kDoubtful);
  ReginfoRegistration gone = own;
  gone.contacts = {Ours("rejected")};
  ReginfoRegistration kept = alias;
  kept.contacts = {Ours("registered")};
  EXPECT_EQ(KindOf(document({kept, gone}, true), Listing::kByUri), Kind::kRemoved);
  // Where the network writes the identity in a way of its own, what is there counts.
  gone.aor = "sip:34600000001@other.test";
  EXPECT_EQ(KindOf(document({gone, kept}, true), Listing::kByUri), Kind::kListed);
  EXPECT_EQ(KindOf(document({gone}, true), Listing::kByUri), Kind::kRemoved);
}

TEST(ReginfoVerdict, ARewrittenContactIsKnownByItsInstance) {  // Covers: R13
  const auto rewritten = [](const char* event) { return Contact("sip:x@sbc", event, kInstance); };
  EXPECT_EQ(Judge(Document({Phone(), rewritten("registered")}), Listing::kNever).listing, Listing::kByInstance);
  EXPECT_EQ(KindOf(Document({rewritten("unregistered")}, false), Listing::kByInstance), Kind::kRemoved);
  EXPECT_EQ(KindOf(Document({rewritten("unregistered"), rewritten("registered")}), Listing::kByInstance),
            Kind::kListed);
  EXPECT_EQ(KindOf(Document({rewritten("unregistered")}), Listing::kNever), Kind::kDoubtful)
      << "perhaps an earlier one of the device";
}

// A page that was loaded again has registered anew, and what it had before times out later.
TEST(ReginfoVerdict, AnEarlierContactOfTheDeviceIsNotOurs) {  // Covers: R13
  const ReginfoContact old = Contact("sip:OLD@10.0.0.1", "expired", kInstance);
  EXPECT_EQ(KindOf(Document({old}, false), Listing::kByUri), Kind::kNothing);
  EXPECT_EQ(KindOf(Document({old, Ours("registered")}), Listing::kByUri), Kind::kListed);
  EXPECT_EQ(KindOf(Document({old, Phone()}), Listing::kByUri), Kind::kDoubtful) << "ours is not there";
}

}  // namespace
}  // namespace byon::sip
