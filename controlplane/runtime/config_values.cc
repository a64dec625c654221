#include "controlplane/runtime/config_values.h"

#include <arpa/inet.h>

#include <fstream>
#include <sstream>

namespace byon::runtime {

using nlohmann::json;

std::optional<std::string> ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::optional<Endpoint> ParseEndpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string address = text.substr(0, colon);
  const bool is_v6 = address.starts_with("[") && address.ends_with("]");
  if (is_v6) address = address.substr(1, address.size() - 2);
  unsigned char buffer[sizeof(in6_addr)];
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address.c_str(), buffer) != 1) return std::nullopt;
  const unsigned long port = std::stoul(text.substr(colon + 1));
  if (port > 65535) return std::nullopt;
  return Endpoint{address, static_cast<uint16_t>(port)};
}

const json* ConfigValues::At(const std::string& pointer) const {
  const json::json_pointer at(pointer);
  return root_.contains(at) ? &root_.at(at) : nullptr;
}

void ConfigValues::Get(const std::string& pointer, std::chrono::seconds& target) const {
  if (const json* value = At(pointer)) target = std::chrono::seconds(value->get<int64_t>());
}

void ConfigValues::Get(const std::string& pointer, std::chrono::milliseconds& target) const {
  if (const json* value = At(pointer)) target = std::chrono::milliseconds(value->get<int64_t>());
}

void ConfigValues::GetEndpoint(const std::string& pointer, Endpoint& target) {
  const json* value = At(pointer);
  if (value == nullptr) return;
  const auto endpoint = ParseEndpoint(value->get<std::string>());
  if (!endpoint) {
    return Mistake(pointer,
                   Key(pointer) + " is " + value->dump() + "; it must be an IP address and a port from 0 to 65535.");
  }
  target = *endpoint;
}

std::string ConfigValues::Key(const std::string& pointer) {
  std::string key = pointer.substr(1);
  for (char& c : key) c = c == '/' ? '.' : c;
  return key;
}

void ConfigValues::GetFile(const std::string& pointer, std::string& target) {
  GetPath(pointer, target);
  if (!target.empty() && !ReadFile(target)) {
    Mistake(pointer, Key(pointer) + " is \"" + target + "\"; that file cannot be read.");
  }
}

void ConfigValues::GetPath(const std::string& pointer, std::string& target) const {
  Get(pointer, target);
  if (!target.empty()) target = (directory_ / target).lexically_normal().string();
}

std::optional<TlsFiles> ConfigValues::GetTls(const std::string& pointer) {
  if (At(pointer) == nullptr) return std::nullopt;
  TlsFiles files;
  GetFile(pointer + "/ca_file", files.ca_file);
  GetFile(pointer + "/certificate_file", files.certificate_file);
  GetFile(pointer + "/private_key_file", files.private_key_file);
  if (files.certificate_file.empty() != files.private_key_file.empty()) {
    Mistake(pointer, Key(pointer) + " needs certificate_file and private_key_file together.");
  }
  return files;
}

}  // namespace byon::runtime
