#pragma once

#include <map>
#include <string>
#include <string_view>

namespace byon::http {

struct StaticFile {
  std::string content;
  std::string media_type;
  std::string etag;  // quoted
};

// The files of the web client, in memory: what is not in the table does not exist.
class StaticFiles {
 public:
  // Those compiled into the program.
  static StaticFiles Embedded();
  // All files of a known type below a folder. Throws std::runtime_error when there is no index.html.
  static StaticFiles FromFolder(const std::string& folder);

  // Null when there is none. "/" is /index.html.
  const StaticFile* Find(std::string_view path) const;
  size_t size() const { return files_.size(); }

 private:
  void Add(std::string path, std::string content);
  std::map<std::string, StaticFile, std::less<>> files_;
};

// Media type by file name; empty for a type that is not served.
std::string_view MediaTypeOf(std::string_view file_name);

}  // namespace byon::http
