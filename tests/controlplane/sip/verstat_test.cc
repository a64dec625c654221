#include "controlplane/sip/text/verstat.h"

#include <gtest/gtest.h>

namespace byon::sip {
namespace {

using call::NumberCheck;

TEST(VerstatTest, StandsInTheNumberOrTheUri) {  // Covers: C35
  EXPECT_EQ(NumberCheckOf("tel:+34600000003;verstat=TN-Validation-Passed"), NumberCheck::kPassed);
  EXPECT_EQ(NumberCheckOf("sip:+34600000003;verstat=TN-Validation-Failed@ims.test;user=phone"), NumberCheck::kFailed);
  EXPECT_EQ(NumberCheckOf("sip:+34600000003@ims.test;user=phone;VERSTAT=no-tn-validation"), NumberCheck::kNotDone);
  EXPECT_EQ(NumberCheckOf("tel:+34600000003;verstat=TN-Validation-Passed-A"), NumberCheck::kPassed);
  EXPECT_EQ(NumberCheckOf("tel:+34600000003;verstat=TN-Validation-Failed-C"), NumberCheck::kFailed);
  for (const char* nothing : {"tel:+34600000003", "tel:+34600000003;verstat", "tel:+34600000003;verstat=",
                              "tel:+34600000003;verstat=TN-Validation-Passed-D", "tel:+34600000003;verstat=-A", "",
                              "tel:+34600000003;xverstat=TN-Validation-Passed", "verstat=TN-Validation-Passed"}) {
    EXPECT_EQ(NumberCheckOf(nothing), NumberCheck::kUntold) << nothing;
  }
  EXPECT_EQ(NumberCheckOf("sip:+34;verstat=TN-Validation-Passed@h;verstat=TN-Validation-Failed"), NumberCheck::kFailed);
}

TEST(VerstatTest, IsNoPartOfTheAddress) {  // Covers: C35
  EXPECT_EQ(WithoutVerstat("tel:+34600000003;verstat=TN-Validation-Passed;npdi"), "tel:+34600000003;npdi");
  EXPECT_EQ(WithoutVerstat("sip:+346;verstat=x@ims.test;user=phone;verstat=y"), "sip:+346@ims.test;user=phone");
  EXPECT_EQ(WithoutVerstat("sip:+346;postd=22@ims.test"), "sip:+346;postd=22@ims.test");
  EXPECT_EQ(WithoutVerstat(";verstat"), "");
  EXPECT_EQ(WithoutVerstat(";ver;verstat=stat;verstat"), ";ver");
}

TEST(VerstatTest, TheLeastGoodCheckCounts) {  // Covers: C35
  using enum NumberCheck;
  EXPECT_EQ(LeastGood(kPassed, kFailed), kFailed);
  EXPECT_EQ(LeastGood(kNotDone, kPassed), kNotDone);
  EXPECT_EQ(LeastGood(kUntold, kPassed), kPassed);
  EXPECT_EQ(LeastGood(kUntold, kUntold), kUntold);
}

}  // namespace
}  // namespace byon::sip
