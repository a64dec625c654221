#pragma once

#include <map>
#include <string>

namespace byon::http {

struct StaticFile {
  std::string content_type;
  std::string etag;  // with its quotes
  std::string body;
};

// The web client's files, read into memory at start: what is not in the map cannot be asked for, so no path
// leads out of the folder. Hidden files, symbolic links, unknown kinds and files above 4 MiB are left out.
class StaticFiles {
 public:
  StaticFiles() = default;
  static StaticFiles Load(const std::string& directory);

  // By the path of the URL; a path that ends in '/' means its index.html. Null when there is none.
  const StaticFile* Find(const std::string& path) const;
  size_t size() const { return files_.size(); }

 private:
  std::map<std::string, StaticFile> files_;  // "/sdk/byon.js"
};

}  // namespace byon::http
