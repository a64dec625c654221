#include "controlplane/runtime/yaml_document.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <stdexcept>

namespace byon::runtime {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxValues = 100'000;
constexpr int kMaxDepth = 32;

json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true") return true;
  if (text == "false") return false;
  const char* end = text.data() + text.size();
  int64_t integer = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, integer); error == std::errc() && at == end) {
    return integer;
  }
  double number = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, number);
      error == std::errc() && at == end && text.find_first_of("nN") == std::string::npos) {
    return number;
  }
  return text;
}

class Converter {
 public:
  explicit Converter(YamlDocument& document) : document_(document) {}

  json Convert(const YAML::Node& node, const std::string& pointer, int depth) {
    if (++values_ > kMaxValues || depth > kMaxDepth) {
      throw std::runtime_error("The file has too many or too deeply nested values.");
    }
    document_.lines[pointer] = node.Mark().line + 1;
    if (node.IsMap()) {
      json object = json::object();
      for (const auto& item : node) {
        const std::string key = item.first.as<std::string>();
        const std::string child = pointer + "/" + key;
        if (object.contains(key)) {
          throw std::runtime_error("Line " + std::to_string(item.first.Mark().line + 1) + ": the key " + key +
                                   " stands there twice.");
        }
        object[key] = Convert(item.second, child, depth + 1);
        document_.lines[child] = item.first.Mark().line + 1;
      }
      return object;
    }
    if (node.IsSequence()) {
      json array = json::array();
      for (const auto& item : node) {
        array.push_back(Convert(item, pointer + "/" + std::to_string(array.size()), depth + 1));
      }
      return array;
    }
    return node.IsScalar() ? Scalar(node) : json(nullptr);
  }

 private:
  YamlDocument& document_;
  int values_ = 0;
};

}  // namespace

int YamlDocument::LineOf(const std::string& pointer) const {
  const auto it = lines.find(pointer);
  return it == lines.end() ? 1 : it->second;
}

YamlDocument ParseYaml(const std::string& text) {
  YamlDocument document;
  if (text.size() > kMaxBytes) {
    document.error = "The file is larger than 1 MiB.";
    return document;
  }
  try {
    document.root = Converter(document).Convert(YAML::Load(text), "", 0);
  } catch (const YAML::Exception& error) {
    document.root = nullptr;
    document.error = "Line " + std::to_string(error.mark.line + 1) + " is no YAML: " + error.msg + ".";
  } catch (const std::runtime_error& error) {
    document.root = nullptr;
    document.error = error.what();
  }
  return document;
}

}  // namespace byon::runtime
