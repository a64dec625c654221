#include "perf/registrations/registrar.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>

namespace byon::perf {
namespace {

std::string_view HeaderValue(std::string_view message, std::string_view name) {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const size_t found = message.find(start);
  if (found == std::string_view::npos) return {};
  const size_t begin = found + start.size();
  return message.substr(begin, message.find("\r\n", begin) - begin);
}

// The request's own lines of this name.
void Copy(std::string& answer, std::string_view request, std::string_view name, std::string_view more = {}) {
  (answer += name) += ": ";
  (answer += HeaderValue(request, name)) += more;
  answer += "\r\n";
}

std::string Answer(std::string_view request, std::string_view status, const std::string& more) {
  std::string answer = "SIP/2.0 " + std::string(status) + "\r\n";
  Copy(answer, request, "Via");
  Copy(answer, request, "From");
  Copy(answer, request, "To", HeaderValue(request, "To").find(";tag=") == std::string_view::npos ? ";tag=registrar" : "");
  Copy(answer, request, "Call-ID");
  Copy(answer, request, "CSeq");
  return answer + more + "Content-Length: 0\r\n\r\n";
}

class Network {
 public:
  Network(NetworkCounts& counts, std::string host_port, unsigned granted_s)
      : counts_(counts), host_port_(std::move(host_port)), granted_(std::to_string(granted_s)) {}

  std::string Take(std::string_view request) {
    if (request.starts_with("SUBSCRIBE")) {
      ++counts_.subscribes;
      return Answer(request, "200 OK", "Contact: <sip:" + host_port_ + ">\r\nExpires: 600000\r\n");
    }
    if (!request.starts_with("REGISTER")) return {};
    if (HeaderValue(request, "Authorization").find("nc=") == std::string_view::npos) {
      ++counts_.registers_challenged;
      char nonce[33];
      std::snprintf(nonce, sizeof(nonce), "%016llx%016llx", Next(), Next());
      return Answer(request, "401 Unauthorized",
                    "WWW-Authenticate: Digest realm=\"ims.example\",nonce=\"" + std::string(nonce) + "\",algorithm=MD5,qop=\"auth\"\r\n");
    }
    ++counts_.registers_accepted;
    const auto second = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::seconds(1);
    ++counts_.accepted_in_second[static_cast<size_t>(second) % NetworkCounts::kSeconds];
    const std::string_view to = HeaderValue(request, "To");
    const std::string identity(to.substr(0, to.find('>') + 1));
    const std::string number = identity.substr(identity.find('+'), identity.find('@') - identity.find('+'));
    std::string more;
    Copy(more, request, "Contact", ";expires=" + granted_);
    more += "Path: <sip:term@" + host_port_ + ";lr>\r\nService-Route: <sip:orig@scscf1.ims.example;lr>\r\nP-Associated-URI: " +
            identity + ", <tel:" + number + ">\r\n";
    return Answer(request, "200 OK", more);
  }

 private:
  unsigned long long Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return state_ ^ state_ >> 29;
  }

  NetworkCounts& counts_;
  const std::string host_port_;
  const std::string granted_;
  unsigned long long state_ = 1;
};

[[noreturn]] void Serve(int socket, Network network) {
  std::string buffer(65536, '\0');
  while (true) {
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    const ssize_t size = ::recvfrom(socket, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (size <= 0) continue;
    const std::string answer = network.Take(std::string_view(buffer).substr(0, static_cast<size_t>(size)));
    if (!answer.empty()) ::sendto(socket, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&peer), length);
  }
}

}  // namespace

Registrar::Registrar(const std::string& address, uint16_t port, unsigned granted_s) {
  void* memory = ::mmap(nullptr, sizeof(NetworkCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer = 32 << 20;
  for (const int which : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) (void)::setsockopt(socket, SOL_SOCKET, which, &buffer, sizeof(buffer));
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  const bool is_address = ::inet_pton(AF_INET, address.c_str(), &local.sin_addr) == 1;
  if (memory == MAP_FAILED || !is_address || ::bind(socket, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) {
    std::fprintf(stderr, "perf/run registrations: cannot bind %s:%u\n", address.c_str(), port);
    std::exit(2);
  }
  counts_ = new (memory) NetworkCounts;
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Serve(socket, Network(*counts_, address + ":" + std::to_string(port), granted_s));
  }
  ::close(socket);
}

Registrar::~Registrar() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  ::munmap(counts_, sizeof(NetworkCounts));
}

}  // namespace byon::perf
