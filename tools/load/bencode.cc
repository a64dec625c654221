#include "tools/load/bencode.h"

#include <charconv>

namespace byon::load {

class Bencode::Parser {
 public:
  explicit Parser(std::string_view rest) : rest_(rest) {}

  std::optional<Bencode> Next(size_t depth) {
    if (depth > kMaxDepth || rest_.empty()) return std::nullopt;
    switch (rest_.front()) {
      case 'i': rest_.remove_prefix(1); return NextNumber();
      case 'l': rest_.remove_prefix(1); return NextList(depth);
      case 'd': rest_.remove_prefix(1); return NextDictionary(depth);
      default: return NextText();
    }
  }
  bool is_at_end() const { return rest_.empty(); }

 private:
  // The number before `end`, which is taken too.
  template <typename Number>
  std::optional<Number> TakeNumber(char end) {
    Number number = 0;
    const char* const last = rest_.data() + rest_.size();
    const auto [next, error] = std::from_chars(rest_.data(), last, number);
    if (error != std::errc() || next == last || *next != end) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(next - rest_.data()) + 1);
    return number;
  }
  std::optional<Bencode> NextNumber() {
    const auto number = TakeNumber<int64_t>('e');
    if (!number) return std::nullopt;
    return Bencode(*number);
  }
  std::optional<Bencode> NextText() {
    const auto length = TakeNumber<size_t>(':');
    if (!length || *length > rest_.size()) return std::nullopt;
    Bencode text(std::string(rest_.substr(0, *length)));
    rest_.remove_prefix(*length);
    return text;
  }
  bool TakeEnd() {
    if (rest_.empty() || rest_.front() != 'e') return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<Bencode> NextList(size_t depth) {
    List list;
    while (!TakeEnd()) {
      auto item = Next(depth + 1);
      if (!item) return std::nullopt;
      list.push_back(std::move(*item));
    }
    return Bencode(std::move(list));
  }
  std::optional<Bencode> NextDictionary(size_t depth) {
    Dictionary dictionary;
    while (!TakeEnd()) {
      const auto key = NextText();
      auto value = key ? Next(depth + 1) : std::nullopt;
      if (!value) return std::nullopt;
      dictionary.insert_or_assign(*key->text(), std::move(*value));
    }
    return Bencode(std::move(dictionary));
  }

  std::string_view rest_;
};

std::optional<Bencode> Bencode::Parse(std::string_view text) {
  if (text.size() > kMaxBytes) return std::nullopt;
  Parser parser(text);
  auto value = parser.Next(0);
  if (!value || !parser.is_at_end()) return std::nullopt;
  return value;
}

std::string Bencode::Serialize() const {
  std::string text;
  Append(text);
  return text;
}

void Bencode::Append(std::string& text) const {
  const auto append_text = [&text](const std::string& bytes) { text += std::to_string(bytes.size()) + ":" + bytes; };
  if (const int64_t* const whole = number()) {
    text += "i" + std::to_string(*whole) + "e";
  } else if (const std::string* const bytes = this->text()) {
    append_text(*bytes);
  } else if (const List* const items = list()) {
    text += "l";
    for (const Bencode& item : *items) item.Append(text);
    text += "e";
  } else {
    text += "d";
    for (const auto& [key, value] : *dictionary()) {
      append_text(key);
      value.Append(text);
    }
    text += "e";
  }
}

const Bencode* Bencode::Find(std::string_view key) const {
  const Dictionary* const entries = dictionary();
  if (entries == nullptr) return nullptr;
  const auto found = entries->find(key);
  return found == entries->end() ? nullptr : &found->second;
}

}  // namespace byon::load
