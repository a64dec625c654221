#include "controlplane/http/static_files.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace byon::http {
namespace {

constexpr uintmax_t kMaxFileBytes = 4 << 20;

const std::map<std::string, std::string>& ContentTypes() {
  static const std::map<std::string, std::string> types{
      {".html", "text/html; charset=utf-8"},      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},  {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},              {".map", "application/json"},
      {".svg", "image/svg+xml"},                  {".png", "image/png"},
      {".ico", "image/x-icon"},                   {".woff2", "font/woff2"},
      {".ts", "text/plain; charset=utf-8"},       {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"}, {".wasm", "application/wasm"}};
  return types;
}

std::string EtagOf(const std::string& body) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : body) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  char text[24];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

StaticFiles StaticFiles::Load(const std::string& directory) {
  StaticFiles loaded;
  const std::filesystem::path root(directory);
  std::error_code error;
  for (auto it = std::filesystem::recursive_directory_iterator(root, error);
       it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    if (error) break;
    const std::string name = it->path().filename().string();
    if (name.starts_with(".") || it->is_symlink()) {
      it.disable_recursion_pending();
      continue;
    }
    const auto type = ContentTypes().find(it->path().extension().string());
    if (!it->is_regular_file() || type == ContentTypes().end() || it->file_size() > kMaxFileBytes) continue;
    std::ifstream file(it->path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    StaticFile entry{type->second, "", text.str()};
    entry.etag = EtagOf(entry.body);
    loaded.files_["/" + std::filesystem::relative(it->path(), root).generic_string()] = std::move(entry);
  }
  return loaded;
}

const StaticFile* StaticFiles::Find(const std::string& path) const {
  const auto it = files_.find(path.ends_with('/') ? path + "index.html" : path);
  return it == files_.end() ? nullptr : &it->second;
}

}  // namespace byon::http
