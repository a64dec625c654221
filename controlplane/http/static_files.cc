#include "controlplane/http/static_files.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "controlplane/http/embedded_files.h"

namespace byon::http {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".d.ts", "text/plain; charset=utf-8"},
    {".json", "application/json"},
    {".yaml", "application/yaml"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".wav", "audio/wav"},
}};

// FNV-1a: a change detector, not a signature.
std::string EtagOf(std::string_view content) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  char text[20];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

std::string_view MediaTypeOf(std::string_view file_name) {
  for (const auto& [ending, type] : kTypes) {
    if (file_name.ends_with(ending)) return type;
  }
  return {};
}

void StaticFiles::Add(std::string path, std::string content) {
  const std::string_view type = MediaTypeOf(path);
  if (type.empty()) return;
  std::string etag = EtagOf(content);
  files_[std::move(path)] = {std::move(content), std::string(type), std::move(etag)};
}

StaticFiles StaticFiles::Embedded() {
  StaticFiles files;
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    files.Add(std::string(file.path), std::string(file.content));
  }
  return files;
}

StaticFiles StaticFiles::FromFolder(const std::string& folder) {
  namespace fs = std::filesystem;
  StaticFiles files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (it->is_directory() && (name == "node_modules" || name.starts_with('.'))) {
      it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file() || it->is_symlink()) continue;
    std::ifstream stream(it->path(), std::ios::binary);
    files.Add("/" + fs::relative(it->path(), folder).generic_string(),
              std::string(std::istreambuf_iterator<char>(stream), {}));
  }
  if (files.Find("/") == nullptr) {
    throw std::runtime_error("http.web_dir \"" + folder + "\" must be a folder with an index.html.");
  }
  return files;
}

const StaticFile* StaticFiles::Find(std::string_view path) const {
  const auto it = files_.find(path == "/" ? std::string_view("/index.html") : path);
  return it == files_.end() ? nullptr : &it->second;
}

}  // namespace byon::http
