// byon-simphone: a SIM phone for tests. Flags set it up, JSON lines on standard input drive it,
// JSON lines on standard output tell what happens.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tools/simphone/phone.h"

namespace {

using byon::simphone::EventLoop;
using byon::simphone::Phone;
using byon::simphone::PhoneConfig;
using nlohmann::json;

constexpr const char* kUsage = R"(byon-simphone --number +346... --password SECRET [options]
  --impi NAME            private identity          (number@domain)
  --domain NAME          home domain               (ims.test)
  --pcscf IP:PORT        where requests go         (127.0.0.10:5060)
  --local-ip IP          own SIP address           (127.0.0.31)
  --sip-port N           own SIP port              (5060)
  --media-ip IP          own media address         (the SIP address)
  --media-relay IP       given out as the media address, with the phone's own ports, and sent to: a
                         relay there joins the phone with its peer (event media_path)
  --rtp-port-base N      first RTP port to try     (20000)
  --imei URN-BODY        +sip.instance             (35209900-176148-0)
  --expires SECONDS      asked registration time   (3600)
  --codec A[,B]          AMR-WB, AMR, PCMU, PCMA   (AMR-WB,AMR)
  --align KIND           octet, bandwidth or both  (both)
  --mode-set 0,1,2       AMR modes                 (all)
  --auto-answer-ms N     answer after N ms         (never)
  --reject CODE          refuse calls at once
  --no-ring              send no 180
  --early-media          183 with SDP and media before the answer
  --preconditions        RFC 3312 both ways
  --no-100rel            no reliable provisional responses
  --publish-dialogs      PUBLISH which calls the phone is in (RFC 4235)
  --session-expires S    ask for a session timer
  --rtcp-interval-ms N                             (2000)
  --rtcp-xr              RFC 3611 both ways: VoIP metrics, round trip times
  --play FILE|tones      what to say               (silence)
  --record FILE          where to write what is heard
  --call TARGET          call at once after registering
  --no-register          do not register
  --trace                every SIP message to standard error
)";

std::vector<std::string> SplitCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

struct Options {
  PhoneConfig phone;
  std::string call;
  bool registers = true;
};

// Throws std::runtime_error naming the flag.
Options ParseFlags(int argc, char** argv) {
  Options options;
  PhoneConfig& phone = options.phone;
  using Setter = std::function<void(const std::string&)>;
  const auto text = [](std::string& field) { return [&field](const std::string& v) { field = v; }; };
  const auto number = [](int& field) { return [&field](const std::string& v) { field = std::stoi(v); }; };
  const auto port = [](uint16_t& field) {
    return [&field](const std::string& v) { field = static_cast<uint16_t>(std::stoi(v)); };
  };
  const std::map<std::string, Setter> with_value = {
      {"--number", text(phone.number)},
      {"--password", text(phone.password)},
      {"--impi", text(phone.private_identity)},
      {"--domain", text(phone.domain)},
      {"--pcscf", text(phone.pcscf)},
      {"--local-ip", text(phone.local_ip)},
      {"--media-ip", text(phone.media_ip)},
      {"--media-relay", text(phone.media_relay)},
      {"--imei", text(phone.imei)},
      {"--play", text(phone.play)},
      {"--record", text(phone.record)},
      {"--call", text(options.call)},
      {"--sip-port", port(phone.sip_port)},
      {"--rtp-port-base", port(phone.rtp_port_base)},
      {"--expires", number(phone.expires_s)},
      {"--auto-answer-ms", number(phone.auto_answer_ms)},
      {"--reject", number(phone.reject_code)},
      {"--session-expires", number(phone.session_expires_s)},
      {"--rtcp-interval-ms", number(phone.rtcp_interval_ms)},
      {"--codec", [&](const std::string& v) { phone.codecs.codecs = SplitCommas(v); }},
      {"--align",
       [&](const std::string& v) {
         phone.codecs.may_octet_align = v != "bandwidth";
         phone.codecs.may_bandwidth_efficient = v != "octet";
       }},
      {"--mode-set",
       [&](const std::string& v) {
         for (const std::string& mode : SplitCommas(v)) {
           phone.codecs.mode_set.push_back(std::stoi(mode));
         }
       }},
  };
  const std::map<std::string, std::function<void()>> without_value = {
      {"--no-ring", [&] { phone.rings = false; }},
      {"--early-media", [&] { phone.plays_early_media = true; }},
      {"--preconditions", [&] { phone.use_preconditions = true; }},
      {"--rtcp-xr", [&] { phone.uses_rtcp_xr = true; }},
      {"--no-100rel", [&] { phone.use_100rel = false; }},
      {"--publish-dialogs", [&] { phone.publishes_dialogs = true; }},
      {"--trace", [&] { phone.traces_sip = true; }},
      {"--no-register", [&] { options.registers = false; }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (const auto found = without_value.find(flag); found != without_value.end()) {
      found->second();
    } else if (const auto setter = with_value.find(flag); setter != with_value.end() && i + 1 < argc) {
      setter->second(argv[++i]);
    } else {
      throw std::runtime_error("unknown flag or missing value: " + flag);
    }
  }
  if (phone.number.empty()) throw std::runtime_error("--number is needed");
  return options;
}

// Splits standard input into lines and gives each to the phone as a command.
class CommandReader {
 public:
  CommandReader(EventLoop& loop, Phone& phone, std::function<void()> on_end)
      : loop_(loop), phone_(phone), on_end_(std::move(on_end)) {
    loop_.WatchReadable(STDIN_FILENO, [this] { Read(); });
  }

 private:
  void Read() {
    std::array<char, 4096> buffer;
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) {
      loop_.Unwatch(STDIN_FILENO);
      return on_end_();
    }
    pending_.append(buffer.data(), static_cast<size_t>(count));
    for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (!line.empty()) Execute(line);
    }
  }
  void Execute(const std::string& line) {
    const json command = json::parse(line, nullptr, false);
    if (command.is_object() && command.value("cmd", "") == "quit") return on_end_();
    phone_.Execute(command.is_object() ? command : json{{"cmd", "not JSON: " + line}});
  }

  EventLoop& loop_;
  Phone& phone_;
  std::function<void()> on_end_;
  std::string pending_;
};

// Runs `handler` when the process is asked to end.
int WatchSignals(EventLoop& loop, std::function<void()> handler) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
  loop.WatchReadable(fd, std::move(handler));
  return fd;
}

void PrintEvent(const json& event) {
  // Wire text may hold anything: what is not UTF-8 is replaced.
  std::cout << event.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

int Run(int argc, char** argv) {
  const Options options = ParseFlags(argc, argv);
  EventLoop loop;
  std::string target = options.call;
  Phone* running = nullptr;
  Phone phone(loop, options.phone, std::random_device()(), [&](const json& event) {
    PrintEvent(event);
    if (event["event"] == "registered" && !target.empty()) {
      running->Execute({{"cmd", "call"}, {"to", std::exchange(target, "")}});
    }
  });
  running = &phone;
  bool is_ending = false;
  const auto end = [&] {
    if (!std::exchange(is_ending, true)) phone.ShutDown([&] { loop.Stop(); });
  };
  const int signal_fd = WatchSignals(loop, end);
  const CommandReader reader(loop, phone, end);
  if (options.registers) {
    phone.Register();
  } else {
    PrintEvent({{"event", "ready"}});
    if (!target.empty()) phone.Execute({{"cmd", "call"}, {"to", target}});
  }
  loop.Run();
  close(signal_fd);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& problem) {
    std::cerr << "byon-simphone: " << problem.what() << "\n" << kUsage;
    return 2;
  }
}
