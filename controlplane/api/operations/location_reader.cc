#include "controlplane/api/operations/location_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/operations/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxLanguage = 35;  // RFC 5646 section 4.4.1

void ReadCivicAddress(const json& address, const std::string& path, Mistakes& mistakes, emergency::Location& location) {
  ObjectReader reader(address, path, mistakes);
  reader.Require("country");
  location.language = reader.Text("lang", kMaxLanguage).value_or("");
  const bool is_tag = std::all_of(location.language.begin(), location.language.end(),
                                  [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (!is_tag) reader.Mistake("lang", "must be a language tag like es or en-GB");
  for (const std::string_view kind : emergency::kCivicElements) {
    const std::string name(kind);
    const auto value = reader.Text(name.c_str(), 256);
    if (!value) continue;
    const std::string mistake = emergency::CheckCivicElement(name, *value);
    if (!mistake.empty()) reader.Mistake(name.c_str(), mistake);
    location.civic[name] = *value;
  }
  reader.Finish();
}

emergency::Position PositionOf(const json& coordinates) {
  const auto number = [&](const char* name) { return coordinates.value(name, 0.0); };
  emergency::Position position{
      .latitude = number("latitude"), .longitude = number("longitude"), .radius_m = number("radius")};
  if (!coordinates.contains("radius")) {
    position.ellipsoid = {number("zAxis"), number("semiMajorAxis"), number("semiMinorAxis"), number("verticalAxis"),
                          number("orientation")};
  }
  return position;
}

}  // namespace

emergency::Location ReadCallerLocation(const json& details, const std::string& path, Mistakes& mistakes) {
  emergency::Location location;
  json rest = details;
  rest.erase("civicAddress");
  CheckLocation(rest, path, mistakes);
  if (details.contains("civicAddress")) {
    ObjectReader reader(details, path, mistakes);
    if (const json* address = reader.Object("civicAddress")) {
      ReadCivicAddress(*address, reader.PathOf("civicAddress"), mistakes, location);
    }
  }
  if (!mistakes.empty()) return location;
  if (const auto coordinates = rest.find("coordinates"); coordinates != rest.end())
    location.position = PositionOf(*coordinates);
  const std::string method = rest.value("method", "Other");
  if (method != "Other") location.method = method;  // the rest of CAMARA's are the registry's own
  if (const auto confidence = rest.find("confidence"); confidence != rest.end()) {
    const std::string pdf = confidence->value("pdf", "");
    location.confidence = {pdf == "normal"    ? pdf
                           : pdf == "uniform" ? "rectangular"
                                              : "unknown",
                           confidence->value("value", 95.0)};
  }
  if (const auto time = rest.find("timestamp"); time != rest.end())
    location.taken_at = ParseDateTime(time->get<std::string>());
  return location;
}

}  // namespace byon::api
