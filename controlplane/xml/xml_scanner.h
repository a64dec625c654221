#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::xml {

// Pulls elements and text out of a small XML document without building a tree; namespace prefixes are
// cut off. Refuses DTDs, so there are no entities but the five of XML and character references.
class XmlScanner {
 public:
  enum class Kind { kOpen, kClose, kText, kEnd, kError };
  struct Event {
    Kind kind = Kind::kError;
    std::string name;  // of an element, without prefix
    std::string text;  // unescaped
    std::vector<std::pair<std::string, std::string>> attributes;

    std::string Attribute(std::string_view attribute_name) const;
  };

  // Documents of more than 64 KiB are an error from the start.
  explicit XmlScanner(std::string_view xml);
  // An empty element comes as open and close. After kEnd or kError the same comes for ever.
  Event Next();

 private:
  static constexpr size_t kMaxBytes = 64 * 1024;
  static constexpr size_t kMaxDepth = 16;
  static constexpr size_t kMaxElements = 4096;
  static constexpr size_t kMaxAttributes = 32;

  Event Fail();
  Event ReadText();
  Event ReadMarkup();
  Event ReadOpen();
  Event ReadClose();
  std::string_view TakeName();
  bool ReadAttributes(Event& event);
  bool SkipTo(std::string_view end);
  void SkipSpace();

  std::string_view rest_;
  std::vector<std::string> open_;  // full names, prefixes included
  std::optional<std::string> pending_close_;
  size_t elements_ = 0;
  bool has_root_ = false;
  bool has_failed_ = false;
};

// Text for an element or a quoted attribute: the five special characters escaped, control characters
// that XML 1.0 does not have left out.
std::string Escape(std::string_view text);

}  // namespace byon::xml
