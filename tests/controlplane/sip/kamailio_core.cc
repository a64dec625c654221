#include "tests/controlplane/sip/kamailio_core.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/controlplane/sip/fake_peer.h"

namespace byon::sip::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDomain = "ims.test";
constexpr const char* kSchemas = "/usr/share/kamailio/db_sqlite";

fs::path ModuleFolder() {
  for (const auto& entry : fs::directory_iterator("/usr/lib")) {
    const fs::path folder = entry.path() / "kamailio" / "modules";
    if (fs::exists(folder)) return folder;
  }
  return {};
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

int RunShell(const std::string& command) { return std::system(command.c_str()); }

}  // namespace

bool KamailioCore::IsInstalled() {
  return fs::exists("/usr/sbin/kamailio") && fs::exists(kSchemas) && !ModuleFolder().empty() &&
         fs::exists(fs::path(SOURCE_ROOT) / "tools/lab/kamailio/scscf.cfg.in");
}

KamailioCore::KamailioCore() {
  std::string name = (fs::temp_directory_path() / "byon-core-XXXXXX").string();
  folder_ = mkdtemp(name.data());
  // The laboratory's own rule for sharing loopback: whoever listens on 127.0.N.9:5999 has network N.
  for (int candidate = 20; candidate < 250 && network_ == 0; ++candidate) {
    held_socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(5999);
    inet_pton(AF_INET, ("127.0." + std::to_string(candidate) + ".9").c_str(), &address.sin_addr);
    const bool is_ours =
        bind(held_socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(held_socket_, 1) == 0;
    if (is_ours) network_ = candidate;
    if (!is_ours) close(held_socket_);
  }
}

KamailioCore::~KamailioCore() {
  for (const pid_t process : processes_) kill(process, SIGTERM);
  for (const pid_t process : processes_) waitpid(process, nullptr, 0);
  close(held_socket_);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void KamailioCore::WriteConfig(const std::string& role) {
  const std::map<std::string, std::string> values = {{"RUN_DIR", folder_.string()}, {"ROLE", role},
                                                     {"PCSCF_IP", Address(10)},     {"SCSCF_IP", Address(20)},
                                                     {"REGISTRAR_IP", Address(20)}, {"TRUSTED_IP", Address(41)},
                                                     {"DOMAIN", kDomain},           {"DIGEST_ALGORITHM", "SHA-256"},
                                                     {"MIN_EXPIRES", "60"}};
  const fs::path templates = fs::path(SOURCE_ROOT) / "tools/lab/kamailio";
  for (const auto& [from, to] :
       {std::pair(role + ".cfg.in", role + ".cfg"), std::pair(std::string("common.cfg.in"), role + "-common.cfg")}) {
    std::string text = ReadAll(templates / from);
    for (const auto& [key, value] : values) {
      const std::string mark = "@" + key + "@";
      for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
        text.replace(at, mark.size(), value);
      }
    }
    std::ofstream(folder_ / to) << text;
  }
}

pid_t KamailioCore::Launch(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, 1);
  dup2(file, 2);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

void KamailioCore::UseTls(const std::string& base, const std::string& ca_file) {
  uses_tls_ = true;
  std::ofstream config(folder_ / "tls.cfg");
  for (const char* section : {"[server:default]", "[client:default]"}) {
    config << section
           << "\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\ncertificate = " << base
           << ".pem\nprivate_key = " << base << ".key\nca_list = " << ca_file << "\n";
  }
}

bool KamailioCore::Start() {
  const std::string database = (folder_ / "scscf.sqlite").string();
  for (const char* schema : {"standard", "presence"}) {
    if (RunShell("sqlite3 " + database + " < " + kSchemas + "/" + schema + "-create.sql") != 0) return false;
  }
  if (RunShell("sqlite3 " + database +
               " \"INSERT OR IGNORE INTO version (table_name, table_version) VALUES ('pua', 7)\"") != 0) {
    return false;
  }
  for (const char* role : {"scscf", "pcscf"}) {
    WriteConfig(role);
    const std::string base = (folder_ / role).string();
    std::vector<std::string> command = {"kamailio",
                                        "-f",
                                        base + ".cfg",
                                        "-L",
                                        ModuleFolder().string(),
                                        "-P",
                                        base + ".pid",
                                        "-Y",
                                        folder_.string(),
                                        "-m",
                                        "64",
                                        "-M",
                                        "8",
                                        "-E",
                                        "-DD"};
    if (uses_tls_) command.insert(command.end(), {"-A", "WITH_TLS"});
    processes_.push_back(Launch(command, base + ".log"));
  }
  // Each answers OPTIONS once it is up.
  for (const int host : {10, 20}) {
    FakePeer probe(Address(9));
    bool is_up = false;
    for (uint32_t cseq = 1; cseq < 100 && !is_up; ++cseq) {
      probe.SendTo(Address(host), 5060,
                   Wire(probe, {.method = "OPTIONS",
                                .uri = "sip:" + Address(host),
                                .from = "<sip:probe@test>;tag=1",
                                .to = "<sip:" + Address(host) + ">",
                                .call_id = "probe-" + std::to_string(getpid()),
                                .cseq = cseq,
                                .headers = "",
                                .body = "",
                                .branch = ""}));
      is_up = !probe.IsQuiet(std::chrono::milliseconds(200),
                             [](const SipText& message) { return message.status() == 200; });
    }
    if (!is_up) {
      ADD_FAILURE() << ReadAll(folder_ / (host == 10 ? "pcscf.log" : "scscf.log"));
      return false;
    }
  }
  return true;
}

void KamailioCore::RemoveRegistrations(const std::string& number) {
  EXPECT_EQ(RunShell("kamcmd -s unix:" + (folder_ / "scscf.ctl").string() + " ul.rm location " + number + "@" +
                     kDomain + " > /dev/null"),
            0);
}

}  // namespace byon::sip::test
