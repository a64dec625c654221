// What registrations cost: perf/registrations/run says what may be asked for. All of the gateway behind its API (life
// cycle, SIP, store), against a network of our own on loopback.
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "controlplane/gateway/asio_alarm.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/sip/sip_stack.h"
#include "controlplane/store/sqlite_store.h"
#include "perf/registrations/registrar.h"

namespace byon::perf {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

// Transactions that are over are kept for timer K, 5 s, those of NOTIFYs for timer J, 32 s (RFC 3261 section 17).
constexpr auto kTransactionsGone = 8s;
constexpr auto kNotifiesGone = 36s;
constexpr unsigned kLongestSettling = 120;

struct Options {
  size_t count = 20000;
  unsigned threads = 1;
  unsigned granted_s = 240;
  unsigned away_s = 0;
  int watch_s = 150;  // each of the two looks at refreshes; 0: none
  bool reg_event = false;
  std::string json;
};

class Subscribers final : public gateway::SubscriberDirectory {
 public:
  std::optional<gateway::Subscriber> Find(const std::string& number) const override {
    return gateway::Subscriber{"sip:" + number + "@ims.example", number + "@ims.example"};
  }
};

class Passwords final : public sip::CredentialSource {
 public:
  std::optional<std::string> Password(const std::string& impi) override { return "pw" + impi; }
};

class NoEvents final : public gateway::EventSink {
 public:
  uint64_t ended = 0;
  void OnEvent(const gateway::DeviceKey&, const gateway::Event& event) override {
    if (std::holds_alternative<gateway::RegistrationEnds>(event)) ++ended;
  }
};

// No calls are made.
class NoMedia final : public call::MediaControl {
 public:
  void Create(const call::CallId&, call::MediaChange) override {}
  void Modify(const call::CallId&, uint64_t, call::MediaChange) override {}
  void Join(const call::CallId&, const call::CallId&, std::function<void(std::optional<std::string>)>) override {}
  void Close(const call::CallId&, const std::string&) override {}
  void PlayTone(const call::CallId&, call::Leg, call::Tone) override {}
  void Play(const call::CallId&, call::Playback, std::function<void(call::PlayOutcome)>) override {}
  void SendDtmf(const call::CallId&, const std::string&, std::function<void(std::optional<std::string>)>) override {}
  void GetStats(const call::CallId&, std::function<void(std::optional<call::MediaStats>)>) override {}
  void Adopt(std::vector<call::CallId>) override {}
};

// A process that was away for a while comes back to a later time of day.
class ShiftedClock final : public gateway::Clock {
 public:
  explicit ShiftedClock(std::chrono::seconds away) : away_(away) {}
  call::Now Read() const override { return {SteadyClock::now(), std::chrono::system_clock::now() + away_}; }

 private:
  std::chrono::seconds away_;
};

std::string Uuid(gateway::IdSource& ids) {
  const std::string hex = ids.NewId();
  return hex.substr(0, 8) + '-' + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-a" + hex.substr(17, 3) + '-' +
         hex.substr(20);
}

size_t ResidentBytes() {
  ::malloc_trim(0);  // what is free again counts for nothing
  std::ifstream file("/proc/self/statm");
  size_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

size_t AllocatedBytes() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// The most that this process had resident since the last call.
size_t TakePeakBytes() {
  std::ifstream file("/proc/self/status");
  size_t peak = 0;
  for (std::string word; file >> word;) {
    if (word == "VmHWM:") file >> peak;
  }
  std::ofstream("/proc/self/clear_refs") << 5;
  return peak * 1024;
}

double CpuSeconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// The gateway behind its API, with everything it needs.
class GatewayUnderTest {
 public:
  GatewayUnderTest(const Options& options, const std::string& store, std::chrono::seconds away)
      : clock_(away), store_({.path = store, .max_pending = 4'000'000}), alarm_(io_.get_executor()) {
    sip::SipConfig config;
    config.local_address = "127.0.8.2";
    config.local_port = 15060;
    config.shards = options.threads;
    config.home_domain = "ims.example";
    config.next_hops = {"sip:127.0.8.1:15060"};
    config.reg_event = options.reg_event;
    config.requests_per_second_per_peer = 1'000'000;
    stack_ = std::make_unique<sip::SipStack>(
        config, [this](auto task) { boost::asio::post(io_, std::move(task)); }, &passwords_);
    gateway_ = std::make_unique<gateway::Gateway>(
        gateway::GatewayConfig{},
        gateway::GatewayPorts{stack_->signaling(), stack_->registrar(), media_, store_, subscribers_, events_, clock_,
                              ids_, alarm_, nullptr, [this](auto task) { boost::asio::post(io_, std::move(task)); }});
    if (const auto error = stack_->Start(gateway_.get(), gateway_.get())) {
      std::fprintf(stderr, "perf/run registrations: %s\n", error->c_str());
      std::exit(2);
    }
  }
  ~GatewayUnderTest() {
    stack_->Stop();
    gateway_.reset();
    store_.Flush();
  }

  void Restore() {
    gateway_->Restore();
    const auto work = boost::asio::make_work_guard(io_);  // the store's thread posts
    for (io_.restart(); gateway_->is_restoring();) io_.run_one();
  }
  void RunFor(std::chrono::milliseconds time) {
    io_.restart();
    boost::asio::steady_timer keep_alive(io_, time);
    keep_alive.async_wait([](auto) {});
    io_.run_for(time);
  }
  void Flush() { store_.Flush(); }

  // Registers numbers from `first` to `last`, so many at a time; gives how many were refused.
  size_t Register(size_t first, size_t last) {
    constexpr size_t kWindow = 200;
    size_t next = first;
    size_t done = first;
    size_t refused = 0;
    std::function<void()> one = [&] {
      if (next == last) return;
      const std::string number = "+3460" + std::to_string(10'000'000 + next++);
      const gateway::Principal who{.client_id = "app",
                                   .subject = Uuid(ids_),
                                   .phone_number = number,
                                   .token_expires_at = std::chrono::system_clock::now() + 24h};
      gateway_->CreateRegistration(
          who, {.device_id = Uuid(ids_), .phone_number = {}, .expire_time = clock_.Read().wall + 23h},
          [&](const gateway::Outcome<gateway::Registration>& outcome) {
            if (std::holds_alternative<gateway::Error>(outcome)) ++refused;
            ++done;
            boost::asio::post(io_, one);
          });
    };
    for (size_t i = 0; i < kWindow; ++i) boost::asio::post(io_, one);
    io_.restart();
    auto work = boost::asio::make_work_guard(io_);
    while (done < last) io_.run_one();
    io_.poll();  // what is left looks for one more and finds none
    return refused;
  }

  gateway::GatewayStats stats() const { return gateway_->stats(); }
  uint64_t ended() const { return events_.ended; }

 private:
  boost::asio::io_context io_;
  ShiftedClock clock_;
  gateway::SystemIdSource ids_;
  Subscribers subscribers_;
  Passwords passwords_;
  NoEvents events_;
  NoMedia media_;
  store::SqliteStore store_;
  gateway::AsioAlarm alarm_;
  std::unique_ptr<sip::SipStack> stack_;
  std::unique_ptr<gateway::Gateway> gateway_;
};

// How even REGISTERs came in these seconds.
struct Evenness {
  uint64_t total = 0;
  double mean = 0;
  uint32_t most = 0;
};

Evenness EvennessOf(const NetworkCounts::BySecond& counts, int64_t start, int seconds) {
  Evenness evenness;
  for (int i = 0; i < seconds; ++i) {
    const uint32_t count = counts[static_cast<size_t>(start + i) % NetworkCounts::kSeconds];
    evenness.total += count;
    evenness.most = std::max(evenness.most, count);
  }
  evenness.mean = static_cast<double>(evenness.total) / seconds;
  return evenness;
}

struct Traffic {
  Evenness registers;
  Evenness subscribes;
};

Traffic Watch(GatewayUnderTest& gateway, NetworkCounts& counts, int seconds) {
  for (auto* by_second : {&counts.accepted_in_second, &counts.subscribes_in_second}) {
    for (auto& count : *by_second) count = 0;
  }
  const auto start = SteadyClock::now().time_since_epoch() / 1s + 1;
  gateway.RunFor(std::chrono::seconds(seconds + 1));
  return {EvennessOf(counts.accepted_in_second, start, seconds),
          EvennessOf(counts.subscribes_in_second, start, seconds)};
}

void Print(const char* what, const Traffic& traffic, int seconds) {
  for (const auto& [method, evenness] :
       {std::pair("REGISTER", traffic.registers), std::pair("SUBSCRIBE", traffic.subscribes)}) {
    std::printf("%-16s %8llu %s in %d s: at most %u in a second, %.1f on average\n", what,
                static_cast<unsigned long long>(evenness.total), method, seconds, evenness.most, evenness.mean);
  }
  std::fflush(stdout);
}

Options Parse(int argc, char** argv) {
  Options options;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--reg-event") {
      options.reg_event = true;
      continue;
    }
    if (i + 1 == arguments.size()) {
      std::fprintf(stderr, "perf/run registrations: %s: unknown, or its value is missing; see --help\n", name.c_str());
      std::exit(2);
    }
    const std::string& value = arguments[++i];
    const long number = std::strtol(value.c_str(), nullptr, 10);
    if (name == "--json")
      options.json = value;
    else if (name == "--count" && number >= 1000 && number <= 9'000'000)
      options.count = static_cast<size_t>(number);
    else if (name == "--threads" && number >= 1 && number <= 64)
      options.threads = static_cast<unsigned>(number);
    else if (name == "--granted" && number >= 60 && number <= 600'000)
      options.granted_s = static_cast<unsigned>(number);
    else if (name == "--away" && number >= 0 && number <= 80'000)
      options.away_s = static_cast<unsigned>(number);
    else if (name == "--watch" && number >= 0 && number <= 3600)
      options.watch_s = static_cast<int>(number);
    else {
      std::fprintf(stderr, "perf/run registrations: %s %s: unknown or out of range; see --help\n", name.c_str(),
                   value.c_str());
      std::exit(2);
    }
  }
  return options;
}

int Run(const Options& options) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("byon-registrations-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string store = folder / "store.db";
  Registrar registrar("127.0.8.1", 15060, options.granted_s);
  auto gateway = std::make_unique<GatewayUnderTest>(options, store, 0s);

  // The first fifth fills what is there once: buffers, dictionaries, tables.
  const size_t first = options.count / 5;
  size_t refused = gateway->Register(0, first);
  const auto gone = options.reg_event ? kNotifiesGone : kTransactionsGone;
  gateway->RunFor(gone);
  gateway->Flush();
  const size_t resident = ResidentBytes();
  const size_t allocated = AllocatedBytes();
  const double cpu = CpuSeconds();
  const auto start = SteadyClock::now();
  refused += gateway->Register(first, options.count);
  const double seconds = SecondsSince(start);
  const double cpu_used = CpuSeconds() - cpu;
  gateway->RunFor(gone);
  gateway->Flush();
  const auto more = static_cast<double>(options.count - first);
  const double resident_each = static_cast<double>(ResidentBytes() - resident) / more;
  const double allocated_each = static_cast<double>(AllocatedBytes() - allocated) / more;
  std::printf("%zu registrations, %u SIP threads, granted %u s, %zu refused\n", options.count, options.threads,
              options.granted_s, refused);
  std::printf("registered       %8.0f a second, %.0f us of processor each\n", more / seconds, cpu_used * 1e6 / more);
  std::printf("memory           %8.0f bytes resident each, %.0f allocated; the process has %.0f MB\n", resident_each,
              allocated_each, static_cast<double>(ResidentBytes()) / 1e6);
  std::fflush(stdout);

  Traffic steady;
  Traffic after;
  double restore_s = 0;
  double restored_mb = 0;
  double peak_mb = 0;
  uint64_t ended = 0;
  if (options.watch_s > 0) {
    // The first refreshes leave the crowd in which the registrations came; the look is at those after.
    // Of long bindings they are spread over nearly all of their life anyway.
    gateway->RunFor(std::chrono::seconds(std::min(options.granted_s / 2, kLongestSettling)));
    steady = Watch(*gateway, registrar.counts(), options.watch_s);
    Print("refreshes", steady, options.watch_s);
    gateway.reset();
    ::malloc_trim(0);
    TakePeakBytes();
    const auto restart = SteadyClock::now();
    gateway = std::make_unique<GatewayUnderTest>(options, store, std::chrono::seconds(options.away_s));
    gateway->Restore();
    restore_s = SecondsSince(restart);
    peak_mb = static_cast<double>(TakePeakBytes()) / 1e6;
    restored_mb = static_cast<double>(ResidentBytes()) / 1e6;
    std::printf("restart          %8.1f s to restore %zu, away for %u s; %.0f MB, %.0f at most meanwhile\n", restore_s,
                gateway->stats().registrations, options.away_s, restored_mb, peak_mb);
    std::fflush(stdout);
    after = Watch(*gateway, registrar.counts(), options.watch_s);
    ended = gateway->ended();
    Print("after a restart", after, options.watch_s);
    std::printf("ended            %8llu registrations ended without being asked to\n",
                static_cast<unsigned long long>(ended));
  }
  if (!options.json.empty()) {
    std::ofstream(options.json) << "{\"count\": " << options.count << ", \"sipThreads\": " << options.threads
                                << ", \"refused\": " << refused << ", \"perSecond\": " << more / seconds
                                << ", \"cpuUsEach\": " << cpu_used * 1e6 / more
                                << ", \"residentBytesEach\": " << resident_each
                                << ", \"allocatedBytesEach\": " << allocated_each
                                << ", \"refreshes\": {\"mean\": " << steady.registers.mean
                                << ", \"most\": " << steady.registers.most
                                << "}, \"afterRestart\": {\"mean\": " << after.registers.mean
                                << ", \"most\": " << after.registers.most << ", \"restoreSeconds\": " << restore_s
                                << ", \"residentMb\": " << restored_mb << ", \"peakMb\": " << peak_mb
                                << ", \"ended\": " << ended << "}}\n";
  }
  gateway.reset();
  std::filesystem::remove_all(folder);
  return refused == 0 && ended == 0 ? 0 : 1;
}

}  // namespace
}  // namespace byon::perf

int main(int argc, char** argv) { return byon::perf::Run(byon::perf::Parse(argc, argv)); }
