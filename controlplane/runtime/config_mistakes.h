#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/runtime/yaml_document.h"

namespace byon::runtime {

// The sentences, each once and with its line.
class Mistakes {
 public:
  Mistakes(const YamlDocument& document, std::string name, std::vector<std::string>& sentences)
      : document_(document), name_(std::move(name)), sentences_(sentences) {}

  void Add(const std::string& pointer, const std::string& sentence) {
    std::string line = name_ + ":" + std::to_string(document_.LineOf(pointer)) + ": " + sentence;
    if (std::find(sentences_.begin(), sentences_.end(), line) == sentences_.end())
      sentences_.push_back(std::move(line));
  }
  // Of a key that an operator may have of its own: where it has (or must have, `is_own`), the sentence names it there.
  void AddAt(const std::string& prefix, const std::string& pointer, const std::string& sentence, bool is_own = false) {
    const bool stands_there = !prefix.empty() && document_.lines.contains(prefix + pointer);
    if (!stands_there && (prefix.empty() || !is_own)) return Add(pointer, sentence);
    std::string key = prefix.substr(1) + ".";
    std::replace(key.begin(), key.end(), '/', '.');
    Add(stands_there ? prefix + pointer : prefix, key + sentence);
  }

 private:
  const YamlDocument& document_;
  const std::string name_;
  std::vector<std::string>& sentences_;
};

}  // namespace byon::runtime
