#include "tools/load/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/load/options.h"

namespace byon::load {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string MistakeOf(const std::string& yaml) {
  const auto profile = ParseProfile(yaml);
  return profile ? "none" : profile.error();
}

TEST(Profile, EmptyTextGivesTheDefaults) {
  const auto profile = ParseProfile("");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->calls, 100u);
  ASSERT_EQ(profile->codecs.size(), 1u);
  EXPECT_EQ(profile->codecs[0].format.codec, codec::Codec::kAmrWb);
  EXPECT_EQ(profile->codecs[0].format.amr.mode_set, 1u << 2);
  EXPECT_TRUE(profile->browser.is_clean());
}

TEST(Profile, ReadsEveryKey) {
  const auto profile = ParseProfile(R"(
calls: 250
ramp_per_second: 12.5
measured_seconds: 7
settle_seconds: 1.5
hold_seconds: 20
storm: {calls: 40, at_second: 3}
codecs: {amr-12.2: 3, amr-wb-23.85: 1, opus: 1, pcma: 2}
dtx: true
octet_align: true
gateway_dtls_role: client
weather:
  browser: {loss: 0.02, burst_length: 3, jitter_ms: 40, reorder: 0.01, duplicate: 0.1}
  phone: {loss: 0.5}
probe_calls: 0
rtcp_interval_seconds: 1
latest_ms: 20
address: "::1"
sockets: 2
seed: 18446744073709551615
)");
  ASSERT_TRUE(profile) << profile.error();
  EXPECT_EQ(profile->calls, 250u);
  EXPECT_DOUBLE_EQ(profile->ramp_per_second, 12.5);
  EXPECT_EQ(profile->settle.milliseconds(), 1500);
  EXPECT_EQ(profile->hold.milliseconds(), 20'000);
  EXPECT_EQ(profile->storm.calls, 40u);
  EXPECT_EQ(profile->storm.at.milliseconds(), 3000);
  ASSERT_EQ(profile->codecs.size(), 4u);
  EXPECT_EQ(profile->codecs[0].format.amr.mode_set, 1u << 7);
  EXPECT_TRUE(profile->codecs[0].format.amr.use_dtx);
  EXPECT_TRUE(profile->codecs[0].format.amr.octet_align);
  EXPECT_EQ(profile->codecs[1].format.amr.mode_set, 1u << 8);
  EXPECT_TRUE(profile->gateway_is_dtls_client);
  EXPECT_EQ(profile->browser.jitter.milliseconds(), 40);
  EXPECT_DOUBLE_EQ(profile->browser.burst_length, 3);
  EXPECT_DOUBLE_EQ(profile->phone.loss, 0.5);
  EXPECT_DOUBLE_EQ(profile->latest_ms, 20);
  EXPECT_TRUE(profile->address.is_v6());
  EXPECT_EQ(profile->seed, UINT64_MAX);
}

TEST(Profile, SaysWhatIsWrongWhereAndWhatIsAllowed) {
  EXPECT_EQ(MistakeOf("calls: many\n"), "line 1: calls is \"many\", but must be a whole number from 1 to 100000.\n");
  EXPECT_THAT(MistakeOf("\ncalls: 0\n"), StartsWith("line 2: calls is \"0\""));
  EXPECT_THAT(MistakeOf("cals: 5\n"), HasSubstr("\"cals\" is not known, but must be one of address, calls, codecs"));
  EXPECT_THAT(MistakeOf("codecs: {amr-wb-12.66: 1}\n"), HasSubstr("amr-wb-RATE"));
  EXPECT_THAT(MistakeOf("codecs: {}\n"), HasSubstr("mapping of codecs"));
  EXPECT_THAT(MistakeOf("weather: {browser: {loss: 1.5}}\n"),
              HasSubstr("weather.browser.loss is \"1.5\", but must be a number from 0 to 1."));
  EXPECT_THAT(MistakeOf("weather: {browser: {loss: nan}}\n"), HasSubstr("weather.browser.loss"));
  EXPECT_THAT(MistakeOf("address: 0.0.0.0\n"), HasSubstr("an IP address of this machine"));
  EXPECT_THAT(MistakeOf("dtx: maybe\n"), HasSubstr("true or false"));
  EXPECT_THAT(MistakeOf("calls: 1\ncalls: 2\n"), HasSubstr("calls is given twice"));
  EXPECT_THAT(MistakeOf("- calls\n"), HasSubstr("must be a mapping"));
  EXPECT_THAT(MistakeOf("calls: [\n"), HasSubstr("not YAML"));
  EXPECT_THAT(MistakeOf(std::string(70'000, '#')), HasSubstr("64 KiB"));
}

TEST(Profile, TellsAllMistakesAtOnce) {
  EXPECT_EQ(MistakeOf("calls: 0\nsockets: 0\n"),
            "line 1: calls is \"0\", but must be a whole number from 1 to 100000.\n"
            "line 2: sockets is \"0\", but must be a whole number from 1 to 256.\n");
}

TEST(Profile, TheBuiltInOnesAreGood) {
  for (const char* name : {"steady", "smoke", "churn", "storm", "radio", "mixed"}) {
    EXPECT_THAT(BuiltInProfileNames(), HasSubstr(name));
    EXPECT_EQ(MistakeOf(std::string(BuiltInProfile(name))), "none") << name;
  }
  EXPECT_TRUE(BuiltInProfile("none").empty());
}

TEST(Options, TheCommandLineChangesTheProfile) {
  const auto options = ParseOptions({"churn", "--calls", "7", "--seconds", "2", "--pid", "12", "--pid", "13"});
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->profile.calls, 7u);
  EXPECT_EQ(options->profile.measured.milliseconds(), 2000);
  EXPECT_EQ(options->profile.hold.milliseconds(), 20'000);
  EXPECT_EQ(options->pids.size(), 2u);
}

TEST(Options, SaysWhatIsWrong) {
  EXPECT_THAT(ParseOptions({"--calls"}).error(), HasSubstr("--calls must be followed"));
  EXPECT_THAT(ParseOptions({"--fast"}).error(), HasSubstr("--fast is not known"));
  EXPECT_THAT(ParseOptions({"nowhere.yaml"}).error(), HasSubstr("must be a file that can be read or one of steady"));
  EXPECT_THAT(ParseOptions({"--calls", "x"}).error(), HasSubstr("calls is \"x\""));
  EXPECT_THAT(ParseOptions({"--pid", "1x"}).error(), HasSubstr("number of a process"));
}

}  // namespace
}  // namespace byon::load
