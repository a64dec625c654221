#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace byon::sip {

// The P-CSCFs (or border controllers) by number. A number stays a P-CSCF's while the list changes around it, and while
// anything is registered through it; only some of them are listed, that is, may be chosen.
class HopList {
 public:
  explicit HopList(const std::vector<std::string>& best_first) { (void)Replace(best_first, {}); }

  const std::string& uri(size_t hop) const { return uris_[hop]; }
  size_t size() const { return uris_.size(); }
  // The listed ones, best first.
  const std::vector<size_t>& listed() const { return listed_; }
  bool is_listed(size_t hop) const;
  [[nodiscard]] std::optional<size_t> Find(const std::string& uri) const;

  // One that something was registered through before; not listed.
  size_t Add(const std::string& uri);
  // The new list. Numbers of `in_use` keep their P-CSCF; others that are no longer listed may be given away. Returns
  // those that were: what is known of them is of another P-CSCF.
  [[nodiscard]] std::vector<size_t> Replace(const std::vector<std::string>& best_first, const std::set<size_t>& in_use);

 private:
  std::vector<std::string> uris_;
  std::vector<size_t> listed_;
};

}  // namespace byon::sip
