#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/xml/xml_scanner.h"

namespace byon::emergency {
namespace {

using Event = xml::XmlScanner::Event;
using Kind = xml::XmlScanner::Kind;

constexpr double kMaxMetres = 1e7;
constexpr size_t kMaxMethod = 64;
constexpr size_t kMaxLanguage = 35;  // RFC 5646 section 4.4.1
constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<double> Number(std::string_view text, double least, double most) {
  text = Trimmed(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return is_number && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

// RFC 3339; nothing when it is no such time.
std::optional<std::chrono::system_clock::time_point> DateTime(const std::string& text) {
  std::tm parts{};
  int length = 0;
  const int count = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                                &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &length);
  if (count != 6 || parts.tm_year < 1970) return std::nullopt;
  std::string_view zone = std::string_view(text).substr(static_cast<size_t>(length));
  if (zone.starts_with('.')) zone.remove_prefix(std::min(zone.find_first_not_of("0123456789", 1), zone.size()));
  int minutes = 0;
  if (zone != "Z") {
    int hours = 0, rest = 0;
    const std::string offset(zone);
    if (offset.size() != 6 || (offset[0] != '+' && offset[0] != '-')) return std::nullopt;
    if (std::sscanf(offset.c_str() + 1, "%2d:%2d", &hours, &rest) != 2) return std::nullopt;
    minutes = (hours * 60 + rest) * (offset[0] == '-' ? -1 : 1);
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(timegm(&parts)) - std::chrono::minutes(minutes);
}

// A position under construction: the first shape that is understood.
struct Shape {
  std::string name;  // of the open element; empty: none is open
  Position position;
  bool has_point = false;
  bool is_bad = false;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : scanner_(text) {}

  std::optional<Location> Read() {
    for (Event event = scanner_.Next(); event.kind != Kind::kEnd; event = scanner_.Next()) {
      if (event.kind == Kind::kError) return std::nullopt;
      if (event.kind == Kind::kOpen) Open(event);
      if (event.kind == Kind::kText) text_ += event.text;
      if (event.kind == Kind::kClose) Close(event.name);
      if (is_bad_) return std::nullopt;
    }
    return is_presence_ && !location_.is_empty() ? std::optional(std::move(location_)) : std::nullopt;
  }

 private:
  static bool IsShape(std::string_view name) {
    return name == "Point" || name == "Circle" || name == "Sphere" || name == "Ellipse" || name == "Ellipsoid";
  }

  void Open(const Event& event) {
    text_.clear();
    attributes_ = event.attributes;
    if (depth_++ == 0) is_presence_ = event.name == "presence";
    if (event.name == "location-info") in_location_ = true;
    if (event.name == "civicAddress" && in_location_ && location_.civic.empty()) {
      in_civic_ = true;
      const std::string language = event.Attribute("lang");
      if (language.size() <= kMaxLanguage) location_.language = language;
    }
    if (!in_location_ || !IsShape(event.name) || !shape_.name.empty()) return;
    shape_ = {.name = event.name, .position = {}};
    const std::string system = event.Attribute("srsName");
    // WGS 84, the latitude first (RFC 5491 section 5).
    shape_.is_bad = !system.empty() && !system.ends_with(":EPSG::4326") && !system.ends_with(":EPSG::4979");
  }

  void Close(const std::string& name) {
    --depth_;
    if (in_civic_) TakeCivic(name);
    if (!shape_.name.empty()) TakeOfShape(name);
    if (in_location_ && name == "confidence" && !location_.confidence) TakeConfidence();
    if (name == "location-info") in_location_ = false;
    if (name == "method" && location_.method.empty()) TakeMethod();
    if (name == "timestamp" && !location_.taken_at) location_.taken_at = DateTime(std::string(Trimmed(text_)));
    text_.clear();
  }

  void TakeCivic(const std::string& name) {
    if (name == "civicAddress") {
      in_civic_ = false;
      return;
    }
    if (!IsCivicElement(name)) return;
    std::string value(Trimmed(text_));
    if (value.empty()) return;
    is_bad_ = !CheckCivicElement(name, value).empty();
    location_.civic[name] = std::move(value);
  }

  void TakeOfShape(const std::string& name) {
    Position& position = shape_.position;
    const auto length = [this](double& target) {
      const std::string unit = Attribute("uom");
      const auto metres = Number(text_, 0, kMaxMetres);
      if (!metres || (!unit.empty() && !unit.ends_with(":EPSG::9001"))) shape_.is_bad = true;
      target = metres.value_or(0);
    };
    const bool is_flat = shape_.name == "Ellipse";
    if (name == "pos") return TakePoint();
    if (name == "radius") return length(position.radius_m);
    if (name == "semiMajorAxis") return length(is_flat ? position.radius_m : Ellipsoid().semi_major_axis_m);
    if (name == "semiMinorAxis" && !is_flat) return length(Ellipsoid().semi_minor_axis_m);
    if (name == "verticalAxis") return length(Ellipsoid().vertical_axis_m);
    if (name == "orientation" && !is_flat) {
      const auto degrees = Number(text_, -360, 360);
      if (!degrees) shape_.is_bad = true;
      Ellipsoid().orientation_deg = degrees.value_or(0);
    }
    if (name != shape_.name) return;
    is_bad_ = shape_.is_bad || !shape_.has_point;
    if (!location_.position) location_.position = position;
    shape_ = {};
  }

  Position::Ellipsoid& Ellipsoid() {
    if (!shape_.position.ellipsoid) shape_.position.ellipsoid.emplace();
    return *shape_.position.ellipsoid;
  }

  void TakePoint() {
    std::string_view rest = Trimmed(text_);
    const auto next = [&rest] {
      const size_t end = std::min(rest.find_first_of(kSpace), rest.size());
      const std::string_view word = rest.substr(0, end);
      rest = Trimmed(rest.substr(end));
      return word;
    };
    const auto latitude = Number(next(), -90, 90);
    const auto longitude = Number(next(), -180, 180);
    const auto altitude = rest.empty() ? std::optional(0.0) : Number(next(), -kMaxMetres, kMaxMetres);
    shape_.has_point = latitude && longitude && altitude && rest.empty();
    if (!shape_.has_point) return;
    shape_.position.latitude = *latitude;
    shape_.position.longitude = *longitude;
    if (shape_.name == "Ellipsoid") Ellipsoid().altitude_m = *altitude;
  }

  void TakeConfidence() {
    const std::string pdf = Attribute("pdf");
    const auto percent = Number(text_, 0, 100);
    if (percent) location_.confidence = {pdf == "normal" || pdf == "rectangular" ? pdf : "unknown", *percent};
  }

  void TakeMethod() {
    const std::string_view method = Trimmed(text_);
    if (method.size() <= kMaxMethod && CheckCivicElement("method", method).empty()) location_.method = method;
  }

  // Of the element that was opened last.
  std::string Attribute(std::string_view name) const {
    for (const auto& [key, value] : attributes_) {
      if (key == name) return value;
    }
    return "";
  }

  xml::XmlScanner scanner_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::string text_;
  Location location_;
  Shape shape_;
  int depth_ = 0;
  bool is_presence_ = false;
  bool in_location_ = false;
  bool in_civic_ = false;
  bool is_bad_ = false;
};

}  // namespace

std::optional<Location> ReadPidfLo(std::string_view text) { return Reader(text).Read(); }

}  // namespace byon::emergency
