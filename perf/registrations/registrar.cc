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
#include <utility>
#include <vector>

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

bool HasToTag(std::string_view request) { return HeaderValue(request, "To").find(";tag=") != std::string_view::npos; }

std::string Answer(std::string_view request, std::string_view status, const std::string& to_tag,
                   const std::string& more) {
  std::string answer = "SIP/2.0 " + std::string(status) + "\r\n";
  Copy(answer, request, "Via");
  Copy(answer, request, "From");
  Copy(answer, request, "To", HasToTag(request) ? "" : ";tag=" + to_tag);
  Copy(answer, request, "Call-ID");
  Copy(answer, request, "CSeq");
  return answer + more + "Content-Length: 0\r\n\r\n";
}

class Network {
 public:
  Network(NetworkCounts& counts, std::string host_port, unsigned granted_s)
      : counts_(counts), host_port_(std::move(host_port)), granted_(std::to_string(granted_s)) {}

  // What it sends back, in order.
  std::vector<std::string> Take(std::string_view request) {
    if (request.starts_with("SUBSCRIBE")) return TakeSubscribe(request);
    if (request.starts_with("SIP/2.0 200") && HeaderValue(request, "CSeq").ends_with(" NOTIFY"))
      ++counts_.notifies_accepted;
    if (!request.starts_with("REGISTER")) return {};
    return {TakeRegister(request)};
  }

 private:
  std::vector<std::string> TakeSubscribe(std::string_view request) {
    ++counts_.subscribes;
    const auto second = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::seconds(1);
    ++counts_.subscribes_in_second[static_cast<size_t>(second) % NetworkCounts::kSeconds];
    // Tags and the notifier's own address are of each dialog alone, as a core gives them.
    const std::string tag = Hex(Next()) + Hex(Next());
    const std::string target = "sip:reg-" + Hex(Next()) + "@" + host_port_;
    std::string answer = Answer(request, "200 OK", tag, "Contact: <" + target + ">\r\nExpires: " + granted_ + "\r\n");
    const std::string_view to = HeaderValue(request, "To");
    const std::string_view contact = HeaderValue(request, "Contact");
    const std::string_view uri = contact.substr(1, contact.find('>') - 1);
    const std::string_view identity = to.substr(1, to.find('>') - 1);
    const std::string body =
        "<?xml version=\"1.0\"?><reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"0\" state=\"full\">"
        "<registration aor=\"" +
        std::string(identity) +
        "\" id=\"r\" state=\"active\"><contact id=\"c\" state=\"active\" "
        "event=\"registered\"><uri>" +
        std::string(uri) + "</uri></contact></registration></reginfo>";
    std::string notify = "NOTIFY " + std::string(uri) + " SIP/2.0\r\nVia: SIP/2.0/UDP " + host_port_ +
                         ";branch=z9hG4bK" + Hex(Next()) + "\r\nMax-Forwards: 70\r\nFrom: " + std::string(to) +
                         (HasToTag(request) ? "" : ";tag=" + tag) + "\r\nTo: ";
    (notify += HeaderValue(request, "From")) += "\r\n";
    Copy(notify, request, "Call-ID");
    notify += "CSeq: " + std::to_string(++notifies_) + " NOTIFY\r\nContact: <" + target +
              ">\r\nEvent: reg\r\nSubscription-State: active;expires=" + granted_ +
              "\r\nContent-Type: application/reginfo+xml\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body;
    return {std::move(answer), std::move(notify)};
  }

  std::string TakeRegister(std::string_view request) {
    if (HeaderValue(request, "Authorization").find("nc=") == std::string_view::npos) {
      ++counts_.registers_challenged;
      char nonce[33];
      std::snprintf(nonce, sizeof(nonce), "%016llx%016llx", Next(), Next());
      return Answer(request, "401 Unauthorized", "registrar",
                    "WWW-Authenticate: Digest realm=\"ims.example\",nonce=\"" + std::string(nonce) +
                        "\",algorithm=MD5,qop=\"auth\"\r\n");
    }
    ++counts_.registers_accepted;
    const auto second = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::seconds(1);
    ++counts_.accepted_in_second[static_cast<size_t>(second) % NetworkCounts::kSeconds];
    const std::string_view to = HeaderValue(request, "To");
    const std::string identity(to.substr(0, to.find('>') + 1));
    const std::string number = identity.substr(identity.find('+'), identity.find('@') - identity.find('+'));
    std::string more;
    Copy(more, request, "Contact", ";expires=" + granted_);
    more += "Path: <sip:term@" + host_port_ +
            ";lr>\r\nService-Route: <sip:orig@scscf1.ims.example;lr>\r\nP-Associated-URI: " + identity +
            ", <tel:" + number + ">\r\n";
    return Answer(request, "200 OK", "registrar", more);
  }

  static std::string Hex(unsigned long long value) {
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx", value);
    return text;
  }
  unsigned long long Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return state_ ^ state_ >> 29;
  }

  NetworkCounts& counts_;
  const std::string host_port_;
  const std::string granted_;
  unsigned long long state_ = 1;
  uint32_t notifies_ = 0;  // the CSeq only grows
};

[[noreturn]] void Serve(int socket, Network network) {
  std::string buffer(65536, '\0');
  while (true) {
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    const ssize_t size =
        ::recvfrom(socket, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (size <= 0) continue;
    for (const std::string& message : network.Take(std::string_view(buffer).substr(0, static_cast<size_t>(size)))) {
      ::sendto(socket, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&peer), length);
    }
  }
}

}  // namespace

Registrar::Registrar(const std::string& address, uint16_t port, unsigned granted_s) {
  void* memory = ::mmap(nullptr, sizeof(NetworkCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer = 32 << 20;
  for (const int which : {SO_RCVBUFFORCE, SO_SNDBUFFORCE})
    (void)::setsockopt(socket, SOL_SOCKET, which, &buffer, sizeof(buffer));
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  const bool is_address = ::inet_pton(AF_INET, address.c_str(), &local.sin_addr) == 1;
  if (memory == MAP_FAILED || !is_address ||
      ::bind(socket, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) {
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
