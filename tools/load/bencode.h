#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace byon::load {

// A value of bencode (BitTorrent BEP 3, "bencoding"), in which rtpengine is spoken to.
class Bencode {
 public:
  using List = std::vector<Bencode>;
  using Dictionary = std::map<std::string, Bencode, std::less<>>;

  // More is refused.
  static constexpr size_t kMaxBytes = 256 * 1024;
  static constexpr size_t kMaxDepth = 32;

  Bencode() : value_(int64_t{0}) {}
  Bencode(int64_t number) : value_(number) {}
  Bencode(std::string text) : value_(std::move(text)) {}
  Bencode(const char* text) : value_(std::string(text)) {}
  Bencode(List list) : value_(std::move(list)) {}
  Bencode(Dictionary dictionary) : value_(std::move(dictionary)) {}

  // All of `text` must be one value. Keys need no order, as rtpengine's have none; of a key that is
  // there twice the last counts.
  static std::optional<Bencode> Parse(std::string_view text);
  std::string Serialize() const;

  // Null when it is something else.
  const int64_t* number() const { return std::get_if<int64_t>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Dictionary* dictionary() const { return std::get_if<Dictionary>(&value_); }
  // A dictionary's value, or null.
  const Bencode* Find(std::string_view key) const;

  bool operator==(const Bencode& other) const = default;

 private:
  class Parser;
  void Append(std::string& text) const;

  std::variant<int64_t, std::string, List, Dictionary> value_;
};

}  // namespace byon::load
