#include "controlplane/dns/server_list.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace byon::dns {
namespace {

constexpr size_t kMaxServers = 3;  // as resolv.conf(5) has it
constexpr unsigned kMaxTimeoutS = 30;
constexpr unsigned kMaxAttempts = 5;

bool IsAddress(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::optional<unsigned> ParseNumber(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return words;
    const size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
    words.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
}

void ReadOption(std::string_view option, ServerList& list) {
  const size_t colon = option.find(':');
  if (colon == std::string_view::npos) return;
  const auto value = ParseNumber(option.substr(colon + 1));
  if (!value || *value == 0) return;
  if (option.substr(0, colon) == "timeout") list.timeout = std::chrono::seconds(std::min(*value, kMaxTimeoutS));
  if (option.substr(0, colon) == "attempts") list.attempts = std::min(*value, kMaxAttempts);
}

}  // namespace

std::optional<Server> ParseServer(std::string_view text) {
  Server server;
  std::string_view address = text;
  const size_t colon = text.rfind(':');
  const bool is_bracketed = text.starts_with("[");
  // One colon, or one behind a bracket: a port.
  if (colon != std::string_view::npos && (is_bracketed ? text[colon - 1] == ']' : text.find(':') == colon)) {
    const auto port = ParseNumber(text.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return std::nullopt;
    server.port = static_cast<uint16_t>(*port);
    address = text.substr(0, colon);
  }
  if (is_bracketed) {
    if (!address.ends_with("]")) return std::nullopt;
    address = address.substr(1, address.size() - 2);
  }
  server.address = std::string(address);
  if (!IsAddress(server.address)) return std::nullopt;
  return server;
}

ServerList ParseResolvConf(std::string_view text) {
  ServerList list;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::vector<std::string_view> words = Words(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (words.size() < 2) continue;
    if (words[0] == "nameserver" && list.servers.size() < kMaxServers) {
      if (auto server = ParseServer(words[1])) list.servers.push_back(std::move(*server));
    }
    if (words[0] == "options") {
      for (size_t i = 1; i < words.size(); ++i) ReadOption(words[i], list);
    }
  }
  if (list.servers.empty()) list.servers.push_back({"127.0.0.1", 53});
  return list;
}

}  // namespace byon::dns
