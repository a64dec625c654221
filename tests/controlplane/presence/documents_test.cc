#include <gtest/gtest.h>

#include "controlplane/presence/dialog_info.h"
#include "controlplane/presence/pidf.h"

namespace byon::presence {
namespace {

// RFC 4235 section 4.4, figure of the confirmed dialog with both sides.
constexpr char kDialogInfo[] = R"(<?xml version="1.0" encoding="UTF-8"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:alice@example.com">
  <dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774" remote-tag="456887766" direction="initiator">
    <state event="rejected" code="486">terminated</state>
  </dialog>
  <dialog id="zxcnm3" call-id="a" local-tag="l" remote-tag="r" direction="recipient">
    <state>confirmed</state>
    <duration>274</duration>
    <local><identity display="Alice">sip:alice@example.com</identity><target uri="sip:alice@pc33.example.com"/></local>
    <remote><identity display="Bob &amp; Co">sip:bob@example.org</identity><target uri="sip:bobster@phone21.example.org"/></remote>
  </dialog>
</dialog-info>)";

// RFC 4480 section 5 (shortened): a person on the phone.
constexpr char kPresence[] = R"(<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
     xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:someone@example.com">
  <tuple id="bs35r9"><status><basic>closed</basic></status></tuple>
  <tuple id="eg92n8"><status><basic>open</basic></status><contact priority="1.0">mailto:x@example.com</contact></tuple>
  <note>I'll be in Tokyo next week</note>
  <dm:person id="p1"><rpid:activities><rpid:note>ignored</rpid:note><rpid:on-the-phone/><rpid:busy/></rpid:activities></dm:person>
</presence>)";

TEST(DialogInfoTest, ReadsTheStandardsExamples) {
  const auto info = ParseDialogInfo(kDialogInfo);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, 1u);
  EXPECT_TRUE(info->is_full);
  EXPECT_EQ(info->entity, "sip:alice@example.com");
  ASSERT_EQ(info->dialogs.size(), 2u);
  EXPECT_EQ(info->dialogs[0].phase, DialogPhase::kTerminated);
  EXPECT_TRUE(info->dialogs[0].is_initiator);
  const DialogEntry& second = info->dialogs[1];
  EXPECT_EQ(second.call_id, "a");
  EXPECT_EQ(second.local_tag, "l");
  EXPECT_EQ(second.remote_tag, "r");
  EXPECT_EQ(second.phase, DialogPhase::kConfirmed);
  EXPECT_FALSE(second.is_initiator);
  EXPECT_EQ(second.local_uri, "sip:alice@example.com");
  EXPECT_EQ(second.remote_uri, "sip:bob@example.org");
  EXPECT_EQ(second.remote_name, "Bob & Co");
  EXPECT_EQ(second.remote_target, "sip:bobster@phone21.example.org");
}

TEST(DialogInfoTest, ReadsItsOwnWriting) {
  DialogInfo info;
  info.version = 7;
  info.entity = "sip:+34600000001@ims.test";
  info.dialogs.push_back({.id = "1",
                          .call_id = "c\"<",
                          .local_tag = "l",
                          .remote_tag = "r",
                          .is_initiator = true,
                          .phase = DialogPhase::kEarly,
                          .local_uri = "sip:a@b",
                          .remote_uri = "tel:+34600000002",
                          .remote_name = "<Bob>",
                          .remote_target = {},
                          .is_exclusive = false});
  const auto read = ParseDialogInfo(BuildDialogInfo(info));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->dialogs, info.dialogs);
  EXPECT_EQ(read->version, 7u);
}

TEST(DialogInfoTest, AppliesFullAndPartialDocuments) {
  std::vector<DialogEntry> known;
  Apply(*ParseDialogInfo(kDialogInfo), known);
  ASSERT_EQ(known.size(), 1u) << "terminated ones leave";
  const auto partial = [](const char* state, const char* id) {
    return *ParseDialogInfo("<dialog-info state=\"partial\"><dialog id=\"" + std::string(id) + "\"><state>" + state +
                            "</state></dialog></dialog-info>");
  };
  Apply(partial("early", "new"), known);
  EXPECT_EQ(known.size(), 2u);
  Apply(partial("terminated", "zxcnm3"), known);
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].id, "new");
  Apply(*ParseDialogInfo("<dialog-info state=\"full\"/>"), known);
  EXPECT_TRUE(known.empty());
}

TEST(DialogInfoTest, RefusesAndBounds) {
  EXPECT_FALSE(ParseDialogInfo(""));
  EXPECT_FALSE(ParseDialogInfo("<presence/>"));
  EXPECT_FALSE(ParseDialogInfo("<dialog-info><dialog></dialog-info>"));
  EXPECT_FALSE(ParseDialogInfo("<!DOCTYPE a [<!ENTITY b \"c\">]><dialog-info/>"));
  std::string many = "<dialog-info>";
  for (int i = 0; i < 200; ++i) many += "<dialog id=\"" + std::to_string(i) + "\"><state>early</state></dialog>";
  EXPECT_EQ(ParseDialogInfo(many + "</dialog-info>")->dialogs.size(), 64u);
}

TEST(PidfTest, ReadsTheStandardsExample) {
  const auto pidf = ParsePidf(kPresence);
  ASSERT_TRUE(pidf);
  EXPECT_EQ(pidf->entity, "pres:someone@example.com");
  EXPECT_TRUE(pidf->is_open.value());
  EXPECT_EQ(pidf->activities, (std::vector<std::string>{"on-the-phone", "busy"}));
  EXPECT_EQ(pidf->note, "I'll be in Tokyo next week");
}

TEST(PidfTest, ReadsItsOwnWritingAndRefusesRubbish) {
  const auto read = ParsePidf(BuildPidf({"sip:a@b", true, {"on-the-phone"}, ""}));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->Has("on-the-phone"));
  EXPECT_FALSE(ParsePidf(BuildPidf({"sip:a@b", false, {}, ""}))->is_open.value());
  EXPECT_FALSE(ParsePidf("<presence><tuple>"));
  EXPECT_FALSE(ParsePidf("<dialog-info/>"));
  EXPECT_FALSE(ParsePidf("<presence/>")->is_open);
}

}  // namespace
}  // namespace byon::presence
