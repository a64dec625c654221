#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controlplane/runtime/config.h"
#include "controlplane/runtime/config_mistakes.h"

namespace byon::runtime {

// A whole file; nothing when it cannot be read.
std::optional<std::string> ReadFile(const std::filesystem::path& path);
// Without the line end and blanks that an editor leaves.
std::string Trimmed(std::string text);
// "127.0.0.1:5060" or "[::1]:5060"; nothing when the address is no IP literal or the port too large.
std::optional<Endpoint> ParseEndpoint(const std::string& text);

// The values of a document that has passed the schema, by JSON pointer: a target keeps what it has when its key is not
// there. Whatever the schema cannot say of a value is checked here.
class ConfigValues {
 public:
  // `root`: the common keys, of an operator with its own over them; those stand in the file under `prefix`. Names of
  // files are relative to `directory`.
  ConfigValues(const nlohmann::json& root, std::string prefix, std::filesystem::path directory, Mistakes& mistakes)
      : root_(root), prefix_(std::move(prefix)), directory_(std::move(directory)), mistakes_(mistakes) {}

 protected:
  void Mistake(const std::string& pointer, const std::string& sentence) { mistakes_.AddAt(prefix_, pointer, sentence); }
  const nlohmann::json* At(const std::string& pointer) const;
  template <typename T>
  void Get(const std::string& pointer, T& target) const {
    if (const nlohmann::json* value = At(pointer)) target = value->get<T>();
  }
  void Get(const std::string& pointer, std::chrono::seconds& target) const;
  void Get(const std::string& pointer, std::chrono::milliseconds& target) const;
  void GetEndpoint(const std::string& pointer, Endpoint& target);
  // A file that must be readable; the target becomes its full name.
  void GetFile(const std::string& pointer, std::string& target);
  void GetPath(const std::string& pointer, std::string& target) const;
  std::optional<TlsFiles> GetTls(const std::string& pointer);
  // "http.tls" of "/http/tls".
  static std::string Key(const std::string& pointer);

  const nlohmann::json& root_;
  const std::string prefix_;
  const std::filesystem::path directory_;
  Mistakes& mistakes_;
};

}  // namespace byon::runtime
