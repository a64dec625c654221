#include "controlplane/runtime/subscriber_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controlplane/runtime/schema_check.h"
#include "controlplane/runtime/yaml_document.h"

namespace byon::runtime {
namespace {

using nlohmann::json;

constexpr const char* kSchema =
    R"({"type":"object","additionalProperties":false,"required":["subscribers"],
 "properties":{"subscribers":{"type":"array","items":{"type":"object","additionalProperties":false,
  "required":["number"],"properties":{
   "number":{"type":"string","pattern":"^\\+[1-9][0-9]{4,14}$","x-allowed":"a quoted number like \"+34600000001\""},
   "impi":{"type":"string","pattern":"^[^ @\"]+@[^ @\"]+$","x-allowed":"user@domain"},
   "impu":{"type":"string","pattern":"^(sip|tel):[^ \"<>]+$","x-allowed":"a sip: or tel: URI"},
   "password":{"type":"string"},"password_file":{"type":"string"},
   "isim":{"type":"object","additionalProperties":false,"required":["k","opc"],"properties":{
    "k":{"type":"string","pattern":"^[0-9a-fA-F]{32}$","x-allowed":"32 hexadecimal digits, quoted"},
    "opc":{"type":"string","pattern":"^[0-9a-fA-F]{32}$","x-allowed":"32 hexadecimal digits, quoted"}}},
   "location":{"type":"object","additionalProperties":false,"minProperties":1,"properties":{
    "latitude":{"type":"number","minimum":-90,"maximum":90},"longitude":{"type":"number","minimum":-180,"maximum":180},
    "radius":{"type":"number","minimum":0,"maximum":100000},
    "civic":{"type":"object","required":["country"]}}},
   "web_password":{"type":"string","pattern":"^[ -~]{8,128}$","x-allowed":"8 to 128 printable ASCII characters"},
   "web_password_file":{"type":"string"}}}}}})";

std::string Fill(std::string text, const std::string& number, const std::string& home_domain) {
  for (const auto& [name, value] :
       {std::pair<std::string, const std::string&>{"{number}", number}, {"{home_domain}", home_domain}}) {
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

bool IsE164(const std::string& number) {
  return number.size() >= 6 && number.size() <= 16 && number[0] == '+' && number[1] != '0' &&
         std::all_of(number.begin() + 1, number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

auth::Block128 FromHex(const std::string& digits) {
  auth::Block128 bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
  }
  return bytes;
}

// Returns what is wrong with it behind its key, as ".civic.A9 ..."; empty: nothing.
std::string ReadLocation(const json& value, emergency::Location& location) {
  location.method = "Manual";
  if (!value.contains("latitude") && !value.contains("longitude") && !value.contains("civic")) {
    return " needs latitude and longitude, or civic, or both.";
  }
  if (value.contains("latitude") != value.contains("longitude") ||
      (value.contains("radius") && !value.contains("latitude"))) {
    return " needs latitude and longitude together.";
  }
  if (value.contains("latitude")) {
    location.position = {.latitude = value["latitude"].get<double>(),
                         .longitude = value["longitude"].get<double>(),
                         .radius_m = value.value("radius", 0.0)};
  }
  if (!value.contains("civic")) return "";
  for (const auto& [name, text] : value["civic"].items()) {
    if (!emergency::IsCivicElement(name))
      return ".civic." + name + " is no element of a civic address (RFC 5139), like A3, RD or HNO.";
    if (!text.is_string()) return ".civic." + name + " must be a text; put it in quotes.";
    const std::string mistake = emergency::CheckCivicElement(name, text.get<std::string>());
    if (!mistake.empty()) return ".civic." + name + " " + mistake + ".";
    location.civic[name] = text.get<std::string>();
  }
  return "";
}

std::optional<std::string> ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

SubscriberFile::Loaded SubscriberFile::Parse(const std::string& text, const std::string& name,
                                             const std::string& directory, SubscriberTemplate rule) {
  Loaded loaded{SubscriberFile(std::move(rule)), {}};
  SubscriberFile& file = loaded.subscribers;
  const YamlDocument document = ParseYaml(text);
  const auto mistake = [&](const std::string& pointer, const std::string& sentence) {
    loaded.mistakes.push_back(name + ":" + std::to_string(document.LineOf(pointer)) + ": " + sentence);
  };
  if (!document.error.empty()) {
    loaded.mistakes.push_back(name + ": " + document.error);
    return loaded;
  }
  for (const SchemaMistake& one : CheckSchema(document.root, json::parse(kSchema))) {
    mistake(one.pointer, one.sentence);
  }
  if (!loaded.mistakes.empty()) return loaded;
  const json& list = document.root["subscribers"];
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string pointer = "/subscribers/" + std::to_string(i);
    const std::string number = list[i]["number"].get<std::string>();
    SubscriberRecord record;
    record.impi = list[i].value("impi", Fill(file.rule_.impi, number, file.rule_.home_domain));
    record.impu = list[i].value("impu", Fill(file.rule_.impu, number, file.rule_.home_domain));
    record.password = list[i].value("password", Fill(file.rule_.password, number, file.rule_.home_domain));
    const auto read_secret = [&](const char* key, std::string& target) {
      if (!list[i].contains(key)) return;
      const auto path = std::filesystem::path(directory) / list[i][key].get<std::string>();
      const auto secret = ReadText(path);
      if (!secret) mistake(pointer + '/' + key, "the file " + path.string() + " cannot be read.");
      target = secret.value_or("");
      while (!target.empty() && (target.back() == '\n' || target.back() == '\r')) target.pop_back();
    };
    read_secret("password_file", record.password);
    std::string web_password = list[i].value("web_password", "");
    read_secret("web_password_file", web_password);
    if (!web_password.empty()) file.web_password_by_number_[number] = std::move(web_password);
    if (list[i].contains("location")) {
      const std::string wrong = ReadLocation(list[i]["location"], record.location);
      if (!wrong.empty()) mistake(pointer + "/location", "location" + wrong);
    }
    if (list[i].contains("isim")) {
      // One way in: a network that could ask for a password instead would get around the ISIM.
      if (list[i].contains("password") || list[i].contains("password_file")) {
        mistake(pointer + "/isim", "the number " + number + " has both isim and a password; allowed is one of them.");
      }
      const json& keys = list[i]["isim"];
      file.isim_by_impi_[record.impi] = {FromHex(keys["k"].get<std::string>()),
                                         FromHex(keys["opc"].get<std::string>())};
      record.password.clear();
    }
    if (!record.password.empty()) file.password_by_impi_[record.impi] = record.password;
    if (!file.by_number_.emplace(number, std::move(record)).second) {
      mistake(pointer + "/number", "the number " + number + " stands there twice.");
    }
  }
  return loaded;
}

SubscriberFile::Loaded SubscriberFile::Load(const std::string& path, SubscriberTemplate rule) {
  const auto text = ReadText(path);
  if (!text) return {SubscriberFile(std::move(rule)), {path + ": the file cannot be read."}};
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  return Parse(*text, path, directory, std::move(rule));
}

std::optional<SubscriberRecord> SubscriberFile::Find(const std::string& number) const {
  if (!IsE164(number)) return std::nullopt;
  if (const auto it = by_number_.find(number); it != by_number_.end()) return it->second;
  return SubscriberRecord{Fill(rule_.impu, number, rule_.home_domain), Fill(rule_.impi, number, rule_.home_domain),
                          Fill(rule_.password, number, rule_.home_domain)};
}

std::optional<std::string> SubscriberFile::WebPassword(const std::string& number) const {
  const auto it = web_password_by_number_.find(number);
  if (it == web_password_by_number_.end()) return std::nullopt;
  return it->second;
}

std::optional<std::string> SubscriberFile::Password(const std::string& impi) const {
  if (const auto it = password_by_impi_.find(impi); it != password_by_impi_.end()) return it->second;
  if (rule_.password.empty()) return std::nullopt;
  // The number is what stands for {number} in the template; anything else is no line of ours.
  const std::string filled = Fill(rule_.impi, "\n", rule_.home_domain);
  const size_t at = filled.find('\n');
  if (at == std::string::npos || impi.size() < filled.size()) return std::nullopt;
  const std::string number = impi.substr(at, impi.size() - (filled.size() - 1));
  if (!IsE164(number) || Fill(rule_.impi, number, rule_.home_domain) != impi) return std::nullopt;
  if (by_number_.contains(number)) return std::nullopt;  // has an IMPI of its own
  return Fill(rule_.password, number, rule_.home_domain);
}

}  // namespace byon::runtime
