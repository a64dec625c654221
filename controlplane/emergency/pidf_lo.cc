#include "controlplane/emergency/pidf_lo.h"

#include <array>
#include <charconv>
#include <ctime>

namespace byon::emergency {
namespace {

using WallTime = std::chrono::system_clock::time_point;

// A public safety answering point may keep what it was told for a day; what it must keep longer by law it keeps anyway.
constexpr std::chrono::hours kRetention{24};

std::string Escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&apos;"; break;
      default: result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return result;
}

// Without an exponent, in any locale. A tenth of a metre at the equator is 0.000001 degree.
std::string Decimal(double value, int digits) {
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits).ptr;
  return {text.data(), end};
}
std::string Degrees(double value) { return Decimal(value, 7); }
std::string Metres(double value) { return Decimal(value, 1); }

std::string DateTime(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string Length(const char* name, double metres) {
  return std::string("<gs:") + name + " uom=\"urn:ogc:def:uom:EPSG::9001\">" + Metres(metres) + "</gs:" + name + ">";
}

// RFC 5491 section 5.
std::string Shape(const Position& position) {
  const std::string point = Degrees(position.latitude) + " " + Degrees(position.longitude);
  if (const auto& ellipsoid = position.ellipsoid) {
    return "<gs:Ellipsoid srsName=\"urn:ogc:def:crs:EPSG::4979\"><gml:pos>" + point + " " +
           Metres(ellipsoid->altitude_m) + "</gml:pos>" + Length("semiMajorAxis", ellipsoid->semi_major_axis_m) +
           Length("semiMinorAxis", ellipsoid->semi_minor_axis_m) + Length("verticalAxis", ellipsoid->vertical_axis_m) +
           "<gs:orientation uom=\"urn:ogc:def:uom:EPSG::9102\">" + Decimal(ellipsoid->orientation_deg, 2) +
           "</gs:orientation></gs:Ellipsoid>";
  }
  constexpr char kPlane[] = "srsName=\"urn:ogc:def:crs:EPSG::4326\"";
  if (position.radius_m <= 0)
    return std::string("<gml:Point ") + kPlane + "><gml:pos>" + point + "</gml:pos></gml:Point>";
  return std::string("<gs:Circle ") + kPlane + "><gml:pos>" + point + "</gml:pos>" +
         Length("radius", position.radius_m) + "</gs:Circle>";
}

std::string Civic(const Location& location) {
  std::string xml = "<ca:civicAddress";
  if (!location.language.empty()) xml += " xml:lang=\"" + Escaped(location.language) + "\"";
  xml += ">";
  for (const std::string_view kind : kCivicElements) {
    const std::string name(kind);
    const auto element = location.civic.find(name);
    if (element == location.civic.end()) continue;
    xml += "<ca:" + name + ">" + Escaped(element->second) + "</ca:" + name + ">";
  }
  return xml + "</ca:civicAddress>";
}

// One description of where the device is (RFC 5491 section 3.4).
std::string Device(const char* id, const std::string& what, const Location& location, const std::string& device_id,
                   WallTime now) {
  const WallTime taken_at = location.taken_at.value_or(now);
  std::string xml =
      std::string("<dm:device id=\"") + id + "\"><gp:geopriv><gp:location-info>" + what + "</gp:location-info>" +
      "<gp:usage-rules><gbp:retransmission-allowed>true</gbp:retransmission-allowed><gbp:retention-expiry>" +
      DateTime(now + kRetention) + "</gbp:retention-expiry></gp:usage-rules>";
  if (!location.method.empty()) xml += "<gp:method>" + Escaped(location.method) + "</gp:method>";
  return xml + "</gp:geopriv><dm:deviceID>" + Escaped(device_id) + "</dm:deviceID><dm:timestamp>" + DateTime(taken_at) +
         "</dm:timestamp></dm:device>";
}

}  // namespace

std::string BuildPidfLo(const Location& location, const std::string& entity, const std::string& device_id,
                        WallTime now) {
  if (location.is_empty()) return {};
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
      "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\""
      " xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\""
      " xmlns:gbp=\"urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy\""
      " xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" xmlns:con=\"urn:ietf:params:xml:ns:geopriv:conf\""
      " xmlns:gml=\"http://www.opengis.net/gml\" xmlns:gs=\"http://www.opengis.net/pidflo/1.0\" entity=\"" +
      Escaped(entity) + "\">";
  if (location.position) {
    std::string shape = Shape(*location.position);
    if (const auto& confidence = location.confidence) {
      shape += "<con:confidence pdf=\"" + Escaped(confidence->pdf) + "\">" + Decimal(confidence->percent, 1) +
               "</con:confidence>";
    }
    xml += Device("position", shape, location, device_id, now);
  }
  if (!location.civic.empty()) xml += Device("address", Civic(location), location, device_id, now);
  return xml + "</presence>\r\n";
}

}  // namespace byon::emergency
