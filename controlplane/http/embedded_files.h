#pragma once

#include <span>
#include <string_view>

namespace byon::http {

// A file of controlplane/web, compiled in by embed_files.py.
struct EmbeddedFile {
  std::string_view path;  // "/app/app.js"
  std::string_view content;
};
std::span<const EmbeddedFile> EmbeddedFiles();

}  // namespace byon::http
