#include "dataplane/config/dataplane_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dataplane/config/announcement_files.h"
#include "dataplane/config/log.h"

namespace byon::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string ErrorOf(const std::string& yaml) {
  const auto config = ParseConfig(yaml);
  return config.ok() ? "" : config.error();
}

size_t LinesOf(const std::string& text) {
  return text.empty() ? 0 : 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(DataplaneConfig, NothingGivenIsAWorkingConfiguration) {
  for (const char* text : {"", "{}", "# nothing\n", "---\n"}) {
    const auto config = ParseConfig(text);
    ASSERT_TRUE(config.ok()) << config.error();
    EXPECT_EQ(config->node_id, "dataplane-1");
    EXPECT_EQ(config->control.listen, "127.0.0.1:50051");
    EXPECT_FALSE(config->control.tls.has_value());
    EXPECT_EQ(config->control.lease, base::TimeDelta::Seconds(600));
    EXPECT_EQ(config->workers.count, 1u);
    EXPECT_EQ(config->workers.idle, io::IdlePolicy::kBlock);
    EXPECT_EQ(config->workers.scheduling, io::Scheduling::kAuto);
    EXPECT_FALSE(config->port.ethdev.has_value());
    EXPECT_EQ(config->media.access.ipv4, net::IpAddress::V4(127, 0, 0, 1));
    EXPECT_EQ(config->media.ims.ipv4, net::IpAddress::V4(127, 0, 0, 1));
    EXPECT_FALSE(config->media.ims.ipv6.has_value());
    EXPECT_EQ(config->media.first_port, 20000);
  }
}

TEST(DataplaneConfig, TonesAndAnnouncements) {
  const auto config = ParseConfig("media: {tones: gb, announcements: prompts}");
  ASSERT_TRUE(config.ok()) << config.error();
  EXPECT_EQ(config->media.tones, pipeline::ToneCountry::kUnitedKingdom);
  EXPECT_EQ(config->media.announcements, "prompts");
  EXPECT_THAT(ErrorOf("media: {tones: xx}"), AllOf(HasSubstr("media.tones"), HasSubstr("\"xx\"")));
}

// A mono file of 8 kHz with 800 samples, and what the operator hears of the others.
TEST(AnnouncementFiles, AreReadByNameAndMistakesAreAllNamed) {
  const std::string directory = testing::TempDir() + "/announcements";
  std::filesystem::create_directories(directory);
  const auto write = [&directory](const std::string& name, uint8_t channels) {
    std::string bytes = "RIFF" + std::string(4, '\0') + "WAVEfmt " + std::string("\x10\0\0\0\1\0", 6);
    bytes += static_cast<char>(channels);
    bytes += std::string("\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0", 13);
    bytes += "data" + std::string("\x40\6\0\0", 4) + std::string(1600, '\1');
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
  };
  write("welcome.wav", 1);
  std::ofstream(directory + "/notes.txt") << "not audio";
  const auto good = ReadAnnouncements(directory);
  ASSERT_TRUE(good.ok()) << good.error();
  ASSERT_EQ(good->size(), 1u);
  EXPECT_EQ(good->at("welcome").duration(), base::TimeDelta::Milliseconds(100));
  EXPECT_TRUE(ReadAnnouncements("")->empty());
  write("stereo.wav", 2);
  write("bad name.wav", 1);
  const auto bad = ReadAnnouncements(directory);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(LinesOf(bad.error()), 2u);
  EXPECT_THAT(bad.error(), AllOf(HasSubstr("stereo.wav cannot be an announcement: it has 2 channels"),
                                 HasSubstr("its name must be 1 to 64")));
  EXPECT_THAT(ReadAnnouncements(directory + "/none").error(), HasSubstr("must be a directory"));
  std::filesystem::remove_all(directory);
}

TEST(DataplaneConfig, EveryKeyArrives) {
  const auto config = ParseConfig(R"(
node_id: media-7
control:
  listen: "unix:/run/byon/dataplane.sock"
  tls: {ca: ca.pem, cert: cert.pem, key: key.pem}
  lease_seconds: 30
  drain_seconds: 5
workers: {count: 2, cpus: ["2", "3-4"], control_cpus: "0-1", sessions: 500, idle: spin, scheduling: normal}
port:
  memory_mb: 512
  hugepages: true
  telemetry: true
  embedded: {steering: hash}
media:
  access: {ipv4: 192.0.2.5, ipv6: "2001:db8::5", advertised_ipv4: 198.51.100.1, dscp: 34}
  ims: {ipv6: "2001:db8::6", advertised_ipv6: "2001:db8::7", dscp: 0}
  ports: {first: 30000, last: 30999}
  access_limit: {packets_per_second: 200, kilobits_per_second: 0}
  ims_limit: {kilobits_per_second: 300}
  access_timeout_seconds: 7
  ims_timeout_seconds: 8
  srtp_profiles: [AES128_CM_SHA1_80]
  srtp_backend: openssl
  amr_wb_encoder: library
  opus_encoder: speech
log: {level: debug}
)");
  ASSERT_TRUE(config.ok()) << config.error();
  EXPECT_EQ(config->node_id, "media-7");
  EXPECT_EQ(config->control.listen, "unix:/run/byon/dataplane.sock");
  EXPECT_EQ(config->control.tls->key, "key.pem");
  EXPECT_EQ(config->control.lease, base::TimeDelta::Seconds(30));
  EXPECT_EQ(config->control.drain, base::TimeDelta::Seconds(5));
  EXPECT_EQ(config->workers.cpus, (std::vector<std::string>{"2", "3-4"}));
  EXPECT_EQ(config->workers.control_cpus, "0-1");
  EXPECT_EQ(config->workers.sessions, 500u);
  EXPECT_EQ(config->workers.idle, io::IdlePolicy::kSpin);
  EXPECT_EQ(config->workers.scheduling, io::Scheduling::kNormal);
  EXPECT_EQ(config->port.memory_mb, 512u);
  EXPECT_TRUE(config->port.use_hugepages && config->port.enable_telemetry);
  EXPECT_EQ(config->port.steering, io::EmbeddedSteering::kHash);
  EXPECT_EQ(config->media.access.ipv6->ToString(), "2001:db8::5");
  EXPECT_EQ(config->media.access.advertised_ipv4->ToString(), "198.51.100.1");
  EXPECT_EQ(config->media.access.dscp, 34);
  EXPECT_FALSE(config->media.ims.ipv4.has_value());
  EXPECT_EQ(config->media.ims.dscp, 0);
  EXPECT_EQ(config->media.last_port, 30999);
  EXPECT_EQ(config->media.access_limit.packets_per_second, 200u);
  EXPECT_EQ(config->media.access_limit.kilobits_per_second, 0u);
  EXPECT_EQ(config->media.ims_limit.packets_per_second, 500u);
  EXPECT_EQ(config->media.ims_limit.kilobits_per_second, 300u);
  EXPECT_EQ(config->media.access_timeout, base::TimeDelta::Seconds(7));
  EXPECT_EQ(config->media.ims_timeout, base::TimeDelta::Seconds(8));
  EXPECT_EQ(config->media.srtp_profiles, std::vector<std::string>{"AES128_CM_SHA1_80"});
  EXPECT_EQ(config->media.srtp_backend, "openssl");
  EXPECT_FALSE(config->media.use_amr_wb_batch);
  EXPECT_EQ(config->media.opus_coding, codec::OpusCoding::kSpeech);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
}

TEST(DataplaneConfig, ANicGivesTheLegsItsAddresses) {
  const auto config = ParseConfig(R"(
port:
  kind: ethdev
  ethdev:
    device: "0000:03:00.0"
    mac: "02:00:00:00:00:01"
    vlan: 100
    mtu: 9000
    ipv4: {address: 192.0.2.10/24, gateway: 192.0.2.1}
    ipv6: {address: "2001:db8::10/64"}
)");
  ASSERT_TRUE(config.ok()) << config.error();
  const EthdevConfig& ethdev = *config->port.ethdev;
  EXPECT_EQ(ethdev.device, "0000:03:00.0");
  EXPECT_EQ(ethdev.mac->ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(ethdev.vlan, 100);
  EXPECT_EQ(ethdev.mtu, 9000u);
  EXPECT_EQ(ethdev.ipv4->address.ToString(), "192.0.2.10");
  EXPECT_EQ(ethdev.ipv4->prefix.length, 24);
  EXPECT_EQ(ethdev.ipv4->gateway->ToString(), "192.0.2.1");
  EXPECT_FALSE(ethdev.ipv6->gateway.has_value());
  EXPECT_EQ(config->media.access.ipv4->ToString(), "192.0.2.10");
  EXPECT_EQ(config->media.ims.ipv6->ToString(), "2001:db8::10");
}

TEST(DataplaneConfig, AllMistakesComeAtOnce) {
  const std::string error = ErrorOf(R"(node_id: "two words"
workers:
  count: 0
  idle: lazy
  cout: 3
media:
  ports: {first: 99999}
log: {level: loud}
)");
  EXPECT_EQ(LinesOf(error), 6u) << error;
  EXPECT_THAT(error, HasSubstr("line 1: node_id is \"two words\", but must be 1 to 64 of "
                               "[A-Za-z0-9._-]."));
  EXPECT_THAT(error, HasSubstr("line 3: workers.count is \"0\", but must be a whole number from 1 "
                               "to 64."));
  EXPECT_THAT(error, HasSubstr("line 4: workers.idle is \"lazy\", but must be one of spin, pause, "
                               "sleep, block."));
  EXPECT_THAT(error, HasSubstr("line 5: workers.cout is no key; known here are count, cpus, "
                               "control_cpus, sessions, idle, scheduling."));
  EXPECT_THAT(error, HasSubstr("line 7: media.ports.first is \"99999\""));
  EXPECT_THAT(error, HasSubstr("line 8: log.level is \"loud\""));
}

struct Mistake {
  const char* yaml;
  const char* sentence;
};
class ConfigMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistakes, AreNamed) { EXPECT_THAT(ErrorOf(GetParam().yaml), HasSubstr(GetParam().sentence)); }
INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistakes,
    testing::Values(
        Mistake{"[1, 2]", "the file is a list, but must be a mapping."},
        Mistake{"text", "the file is \"text\", but must be a mapping."},
        Mistake{"control: 5", "control is \"5\", but must be a mapping."},
        Mistake{"control: {listen: nowhere}", "control.listen is \"nowhere\", but must be address:port"},
        Mistake{"control: {listen: \"0.0.0.0:50051\"}",
                "line 1: control.listen is \"0.0.0.0:50051\", but must be on loopback or unix:/path where there is no "
                "control.tls."},
        Mistake{"control: {listen: \"[::]:50051\"}", "control.listen is \"[::]:50051\", but must be on loopback"},
        Mistake{"control: {listen: \"media.example:50051\"}", "but must be on loopback"},
        Mistake{"control: {listen: \"127.0.0.1.example:50051\"}", "but must be on loopback"},
        Mistake{"control: {tls: {ca: a, cert: b}}", "control.tls.key is missing."},
        Mistake{"control: {tls: {ca: a, cert: b, key: ''}}", "control.tls.key is \"\", but must be not empty."},
        Mistake{"workers: {count: two}", "workers.count is \"two\", but must be a whole number"},
        Mistake{"workers: {count: \"2\"}", "workers.count is \"2\", but must be a whole number"},
        Mistake{"workers: {count: 2, cpus: [\"1\"]}",
                "workers.cpus has 1 entries, but must have one for each of workers.count (2)."},
        Mistake{"workers: {cpus: [one]}", "workers.cpus[0] is \"one\", but must be CPUs as"},
        Mistake{"workers: {cpus: 1}", "workers.cpus is \"1\", but must be a list."},
        Mistake{"workers: {count: 1, count: 2}", "workers.count stands here twice."},
        Mistake{"port: {hugepages: maybe}", "port.hugepages is \"maybe\", but must be true or false."},
        Mistake{"port: {kind: ethdev}", "port.ethdev is missing, but port.kind is ethdev."},
        Mistake{"port: {kind: ethdev, ethdev: {device: x}}", "port.ethdev has neither ipv4 nor ipv6"},
        Mistake{"port: {kind: ethdev, ethdev: {ipv4: {address: 192.0.2.1/24}}}", "port.ethdev.device is missing."},
        Mistake{"port: {kind: ethdev, ethdev: {device: x, ipv4: {address: 192.0.2.1}}}",
                "port.ethdev.ipv4.address is \"192.0.2.1\", but must be an address with its prefix "
                "length"},
        Mistake{"port: {kind: ethdev, ethdev: {device: x, ipv4: {address: 192.0.2.1/33}}}",
                "port.ethdev.ipv4.address is \"192.0.2.1/33\", but must be as 192.0.2.10/24."},
        Mistake{"port: {kind: ethdev, ethdev: {device: x, mac: \"01:00:5e:00:00:01\", ipv4: "
                "{address: 192.0.2.1/24}}}",
                "port.ethdev.mac is \"01:00:5e:00:00:01\", but must be no group address."},
        Mistake{"port: {kind: ethdev, ethdev: {device: x, ipv4: {address: 192.0.2.1/24}}}\nmedia: "
                "{ims: {ipv4: 192.0.2.9}}",
                "media.ims.ipv4 is \"192.0.2.9\", but must be the address of port.ethdev.ipv4."},
        Mistake{"media: {access: {ipv4: 0.0.0.0}}",
                "media.access.ipv4 is \"0.0.0.0\", but must be one IPv4 address of a host"},
        Mistake{"media: {access: {ipv4: \"::1\"}}", "media.access.ipv4 is \"::1\", but must be one IPv4 address"},
        Mistake{"media: {ims: {ipv6: ff02::1}}", "media.ims.ipv6 is \"ff02::1\", but must be one IPv6 address"},
        Mistake{"media: {ims: {dscp: 64}}", "media.ims.dscp is \"64\", but must be a whole number from 0 to 63."},
        Mistake{"media: {ports: {first: 2000, last: 2002}}",
                "media.ports is 2000 to 2002, but must have at least four ports for each worker."},
        Mistake{"media: {access_limit: {packets_per_second: 99}}",
                "media.access_limit.packets_per_second is \"99\", but must be 0 or at least 100."},
        Mistake{"media: {ims_limit: {kilobits_per_second: 1}}",
                "media.ims_limit.kilobits_per_second is \"1\", but must be 0 or at least 100."},
        Mistake{"media: {srtp_profiles: []}", "media.srtp_profiles has 0 entries, but must have 1 to 3."},
        Mistake{"media: {srtp_profiles: [NULL_SHA1]}", "media.srtp_profiles[0] is \"NULL_SHA1\", but must be one of"},
        Mistake{"workers: {idle: spin, scheduling: realtime}",
                "workers.scheduling is \"realtime\", but must be auto or normal while workers.idle "
                "is spin or pause."},
        Mistake{"media: {amr_wb_encoder: avx2}", "media.amr_wb_encoder is \"avx2\", but must be one of auto, library."},
        Mistake{"log: {level: }", "log.level is empty, but must be one of error"}, Mistake{"a: [", "this is no YAML"},
        Mistake{"node_id: !!binary |", "node_id"}));

TEST(DataplaneConfig, MayBeCommandedInTheClearFromThisMachineOnly) {
  for (const char* here : {"127.0.0.1:50051", "127.8.8.8:0", "[::1]:50051", "localhost:50051", "unix:/run/byon.sock"}) {
    EXPECT_EQ(ErrorOf("control: {listen: \"" + std::string(here) + "\"}"), "") << here;
  }
  EXPECT_EQ(ErrorOf("control: {listen: \"0.0.0.0:50051\", tls: {ca: a, cert: b, key: c}}"), "");
}

TEST(DataplaneConfig, AFileNamesItselfInEveryLine) {
  const std::string path = testing::TempDir() + "dataplane_config_test.yaml";
  std::ofstream(path) << "workers: {count: 0}\nlog: {level: x}\n";
  const auto config = ReadConfigFile(path);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error(),
              AllOf(HasSubstr(path + ": line 1: workers.count"), HasSubstr(path + ": line 2: log.level")));
  EXPECT_THAT(ReadConfigFile("/no/such/file").error(), HasSubstr("/no/such/file cannot be read."));
}

// The file that is shipped says nothing but the defaults.
TEST(DataplaneConfig, TheShippedFileIsTheDefaults) {
  const auto config = ReadConfigFile(SHIPPED_CONFIG);
  ASSERT_TRUE(config.ok()) << config.error();
  const auto defaults = ParseConfig("");
  EXPECT_EQ(config->node_id, defaults->node_id);
  EXPECT_EQ(config->control.listen, defaults->control.listen);
  EXPECT_EQ(config->control.lease, defaults->control.lease);
  EXPECT_EQ(config->control.drain, defaults->control.drain);
  EXPECT_EQ(config->workers.count, defaults->workers.count);
  EXPECT_EQ(config->workers.sessions, defaults->workers.sessions);
  EXPECT_EQ(config->workers.idle, defaults->workers.idle);
  EXPECT_EQ(config->workers.scheduling, defaults->workers.scheduling);
  EXPECT_EQ(config->port.steering, defaults->port.steering);
  EXPECT_EQ(config->media.access.ipv4, defaults->media.access.ipv4);
  EXPECT_EQ(config->media.access.dscp, defaults->media.access.dscp);
  EXPECT_EQ(config->media.first_port, defaults->media.first_port);
  EXPECT_EQ(config->media.last_port, defaults->media.last_port);
  EXPECT_EQ(config->media.access_limit.packets_per_second, defaults->media.access_limit.packets_per_second);
  EXPECT_EQ(config->media.access_limit.kilobits_per_second, defaults->media.access_limit.kilobits_per_second);
  EXPECT_EQ(config->media.ims_limit.packets_per_second, defaults->media.ims_limit.packets_per_second);
  EXPECT_EQ(config->media.ims_limit.kilobits_per_second, defaults->media.ims_limit.kilobits_per_second);
  EXPECT_EQ(config->media.access_timeout, defaults->media.access_timeout);
  EXPECT_EQ(config->media.ims_timeout, defaults->media.ims_timeout);
  EXPECT_EQ(config->media.srtp_backend, defaults->media.srtp_backend);
  EXPECT_EQ(config->media.use_amr_wb_batch, defaults->media.use_amr_wb_batch);
  EXPECT_EQ(config->media.opus_coding, defaults->media.opus_coding);
  EXPECT_EQ(config->log_level, defaults->log_level);
}

TEST(Log, QuotesWhatNeedsIt) {
  EXPECT_EQ(Quoted("plain"), "plain");
  EXPECT_EQ(Quoted("two words"), "\"two words\"");
  EXPECT_EQ(Quoted("a=b"), "\"a=b\"");
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("say \"x\"\nnext"), "\"say \\\"x\\\" next\"");
}

TEST(Log, WritesOneLineAboveItsLevel) {
  testing::internal::CaptureStderr();
  const Log log(LogLevel::kInfo);
  log.Info("event=ready node=x");
  log.Write(LogLevel::kDebug, "event=hidden");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::MatchesRegex("time=2[-0-9T:.]+Z level=info event=ready node=x\n"));
}

}  // namespace
}  // namespace byon::config
