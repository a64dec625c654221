// RFC 3263 over a zone of the test.
#include "controlplane/dns/locator.h"

#include <gtest/gtest.h>

#include <map>

#include "controlplane/dns/location_watch.h"

namespace byon::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LocatorTest : public ::testing::Test {
 protected:
  using Key = std::pair<std::string, RecordType>;

  template <typename Data>
  void Add(const std::string& name, RecordType type, Data data, uint32_t ttl_s = 300) {
    zone_[{name, type}].push_back({name, type, ttl_s, std::move(data)});
  }
  void AddHost(const std::string& name, const std::string& address) { Add(name, RecordType::kA, Address{address}); }
  Lookup AsLookup() {
    return [this](const std::string& name, RecordType type, std::function<void(const Answer&)> handler) {
      asked_.push_back(name);
      Answer answer;
      if (!broken_.contains(name)) {
        const auto found = zone_.find({name, type});
        answer.kind = found == zone_.end() ? Answer::Kind::kNone : Answer::Kind::kRecords;
        if (found != zone_.end()) answer.records = found->second;
        answer.ttl = seconds(found == zone_.end() ? 0 : answer.records.front().ttl_s);
      }
      handler(answer);
    };
  }
  Location Find(SipTransport transport = SipTransport::kUdp, bool is_ipv6 = false) {
    Location result;
    bool is_done = false;
    Locate(
        {.domain = "ims.test", .transport = transport, .is_ipv6 = is_ipv6}, AsLookup(),
        [this](uint32_t bound) { return bound == 0 ? 0 : drawn_ % bound; },
        [&](const Location& location) {
          result = location;
          is_done = true;
        });
    EXPECT_TRUE(is_done);
    return result;
  }

  std::map<Key, std::vector<Record>> zone_;
  std::map<std::string, bool> broken_;
  std::vector<std::string> asked_;
  uint32_t drawn_ = 0;
};

using Targets = std::vector<Target>;

TEST_F(LocatorTest, NaptrThenServiceThenAddress) {
  Add("ims.test", RecordType::kNaptr, NamingAuthority{20, 1, "s", "SIP+D2U", "_sip._udp.b.test"});
  Add("ims.test", RecordType::kNaptr, NamingAuthority{10, 2, "s", "SIP+D2U", "_sip._udp.a2.test"});
  Add("ims.test", RecordType::kNaptr, NamingAuthority{10, 1, "s", "SIP+D2U", "_sip._udp.a1.test"});
  Add("ims.test", RecordType::kNaptr, NamingAuthority{1, 1, "s", "SIPS+D2T", "_sips._tcp.ims.test"});
  Add("ims.test", RecordType::kNaptr, NamingAuthority{1, 1, "u", "SIP+D2U", "wrong.test"});
  Add("_sip._udp.a1.test", RecordType::kSrv, Service{2, 0, 5062, "two.test"});
  Add("_sip._udp.a1.test", RecordType::kSrv, Service{1, 0, 5061, "one.test"}, 45);
  Add("_sip._udp.a2.test", RecordType::kSrv, Service{1, 0, 5063, "three.test"});
  Add("_sip._udp.b.test", RecordType::kSrv, Service{1, 0, 5064, "one.test"});
  AddHost("one.test", "192.0.2.1");
  AddHost("two.test", "192.0.2.2");
  AddHost("two.test", "192.0.2.22");
  AddHost("three.test", "192.0.2.3");
  const Location location = Find();
  EXPECT_EQ(
      location.targets,
      (Targets{
          {"192.0.2.1", 5061}, {"192.0.2.2", 5062}, {"192.0.2.22", 5062}, {"192.0.2.3", 5063}, {"192.0.2.1", 5064}}));
  EXPECT_TRUE(location.is_certain);
}

TEST_F(LocatorTest, WithoutNaptrTheServiceOfTheDomain) {
  Add("_sips._tcp.ims.test", RecordType::kSrv, Service{1, 0, 5071, "one.test"}, 60);
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 0, 5060, "udp.test"});
  Add("one.test", RecordType::kAaaa, Address{"2001:db8::1"});
  const Location location = Find(SipTransport::kTls, true);
  EXPECT_EQ(location.targets, (Targets{{"2001:db8::1", 5071}}));
  EXPECT_EQ(location.ttl, seconds(60));
}

TEST_F(LocatorTest, WithoutServicesTheDomainItself) {
  AddHost("ims.test", "192.0.2.9");
  EXPECT_EQ(Find(SipTransport::kTcp).targets, (Targets{{"192.0.2.9", 5060}}));
  EXPECT_EQ(Find(SipTransport::kTls).targets, (Targets{{"192.0.2.9", 5061}}));
}

TEST_F(LocatorTest, AServiceThatIsDecidedlyNotThere) {
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{0, 0, 5060, ""});
  AddHost("ims.test", "192.0.2.9");
  EXPECT_TRUE(Find().targets.empty());
}

// RFC 2782: of one priority each comes first as often as its weight says.
TEST_F(LocatorTest, Weights) {
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 30, 5060, "heavy.test"});
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 10, 5060, "light.test"});
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 0, 5060, "idle.test"});
  for (const char* name : {"heavy", "light", "idle"})
    AddHost(std::string(name) + ".test", std::string("192.0.2.") + (name[0] == 'h' ? "3" : name[0] == 'l' ? "1" : "2"));
  std::map<std::string, int> first;
  for (drawn_ = 0; drawn_ <= 40; ++drawn_) {
    const Location location = Find();
    EXPECT_EQ(location.targets.size(), 3u);
    ++first[location.targets.front().address];
  }
  EXPECT_EQ(first["192.0.2.2"], 1) << "a weight of zero: next to never";
  EXPECT_EQ(first["192.0.2.1"], 10);
  EXPECT_EQ(first["192.0.2.3"], 30);
}

TEST_F(LocatorTest, TheListIsBounded) {
  for (int i = 0; i < 40; ++i) {
    const std::string name = "h" + std::to_string(i) + ".test";
    Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 0, 5060, name});
    AddHost(name, "192.0.2." + std::to_string(i + 1));
  }
  EXPECT_EQ(Find().targets.size(), 16u);
}

TEST_F(LocatorTest, AServerThatDoesNotAnswerLeavesDoubt) {
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{1, 0, 5060, "one.test"});
  Add("_sip._udp.ims.test", RecordType::kSrv, Service{2, 0, 5060, "two.test"});
  AddHost("two.test", "192.0.2.2");
  broken_["one.test"] = true;
  const Location location = Find();
  EXPECT_EQ(location.targets, (Targets{{"192.0.2.2", 5060}}));
  EXPECT_FALSE(location.is_certain);
}

// The watch: what is found, how long it waits, and that a failure changes nothing.
TEST_F(LocatorTest, TheWatchAsksAgainAndKeepsWhatItHas) {
  std::vector<Targets> found;
  milliseconds waits{0};
  std::function<void()> ring;
  unsigned failures = 0;
  LocationWatch watch({.domain = "ims.test", .transport = SipTransport::kUdp, .is_ipv6 = false},
                      {.lookup = AsLookup(),
                       .random = [](uint32_t) { return 0u; },
                       .after =
                           [&](milliseconds delay, std::function<void()> run) {
                             waits = delay;
                             ring = std::move(run);
                             return std::make_shared<int>(0);
                           }},
                      [&](const Targets& targets) { found.push_back(targets); });
  watch.on_failed = [&](unsigned count) { failures = count; };
  const auto next = [&] { std::exchange(ring, nullptr)(); };

  watch.Start();
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(waits, seconds(1));
  next();
  EXPECT_EQ(failures, 2u);
  EXPECT_EQ(waits, seconds(2));
  Add("ims.test", RecordType::kA, Address{"192.0.2.1"}, 5);
  next();
  EXPECT_EQ(found, (std::vector<Targets>{{{"192.0.2.1", 5060}}}));
  EXPECT_EQ(waits, seconds(30)) << "at least";
  next();
  EXPECT_EQ(found.size(), 1u) << "nothing new";
  broken_["ims.test"] = true;
  next();
  EXPECT_EQ(waits, seconds(1));
  EXPECT_EQ(found.size(), 1u);
  broken_.clear();
  zone_.clear();
  Add("ims.test", RecordType::kA, Address{"192.0.2.2"}, 86400);
  next();
  EXPECT_EQ(found.back(), (Targets{{"192.0.2.2", 5060}}));
  EXPECT_EQ(waits, seconds(3600)) << "at most";
}

// A firewall that never answers NAPTR leaves every list uncertain; the newest counts, but never before a certain one.
TEST_F(LocatorTest, WhereOneKindOfLookupAlwaysFailsTheListIsKeptUpToDate) {
  std::function<void()> ring;
  std::vector<Targets> found;
  bool is_naptr_broken = true;
  LocationWatch watch({.domain = "ims.test", .transport = SipTransport::kUdp, .is_ipv6 = false},
                      {.lookup =
                           [&](const std::string& name, RecordType type, std::function<void(const Answer&)> done) {
                             if (is_naptr_broken && type == RecordType::kNaptr) return done(Answer{});
                             AsLookup()(name, type, std::move(done));
                           },
                       .random = [](uint32_t) { return 0u; },
                       .after =
                           [&](milliseconds, std::function<void()> run) {
                             ring = std::move(run);
                             return std::make_shared<int>(0);
                           }},
                      [&](const Targets& targets) { found.push_back(targets); });
  const auto next = [&] { std::exchange(ring, nullptr)(); };
  Add("ims.test", RecordType::kA, Address{"192.0.2.1"}, 60);
  watch.Start();
  zone_.clear();
  Add("ims.test", RecordType::kA, Address{"192.0.2.2"}, 60);
  next();
  EXPECT_EQ(found, (std::vector<Targets>{{{"192.0.2.1", 5060}}, {{"192.0.2.2", 5060}}}));
  is_naptr_broken = false;
  next();
  is_naptr_broken = true;
  zone_.clear();
  Add("ims.test", RecordType::kA, Address{"192.0.2.3"}, 60);
  next();
  EXPECT_EQ(found.size(), 2u) << "the whole list stays";
}

}  // namespace
}  // namespace byon::dns
