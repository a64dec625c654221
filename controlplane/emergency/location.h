#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// Where a caller is (RFC 4119, RFC 5139, RFC 5491). Never to be logged or stored.
namespace byon::emergency {

// A point with its uncertainty, WGS 84. Degrees and metres. A circle, or with `ellipsoid` one around the point.
struct Position {
  struct Ellipsoid {
    double altitude_m = 0;
    double semi_major_axis_m = 0;
    double semi_minor_axis_m = 0;
    double vertical_axis_m = 0;
    double orientation_deg = 0;  // of the major axis, clockwise from north
  };
  double latitude = 0;
  double longitude = 0;
  double radius_m = 0;  // 0: a point
  std::optional<Ellipsoid> ellipsoid{};
};

// How sure it is that the caller is within (RFC 7459).
struct Confidence {
  std::string pdf = "unknown";  // normal | rectangular | unknown
  double percent = 95;
};

struct Location {
  std::optional<Position> position;
  // By kCivicElements.
  std::map<std::string, std::string> civic;
  std::string language;  // of the civic address (BCP 47); may be empty
  std::string method;    // of the IANA registry "Method Tokens"; empty: not said
  std::optional<Confidence> confidence;
  std::optional<std::chrono::system_clock::time_point> taken_at;  // absent: now

  bool is_empty() const { return !position && civic.empty(); }
};

// Elements of a civic address, what a person would know of one; in the order of the schema (RFC 5139 section 3.2).
inline constexpr std::array<std::string_view, 29> kCivicElements{
    "country", "A1",  "A2",  "A3",  "A4",  "A5",  "A6",  "PRM", "PRD", "RD",   "STS",  "POD",  "POM", "RDSEC", "RDBR",
    "RDSUBBR", "HNO", "HNS", "LMK", "LOC", "FLR", "NAM", "PC",  "BLD", "UNIT", "ROOM", "SEAT", "PLC", "PCN"};

// Is this the name of an element of a civic address?
[[nodiscard]] bool IsCivicElement(std::string_view name);
// What is wrong with a value for it, in words behind its name; empty: nothing.
[[nodiscard]] std::string CheckCivicElement(std::string_view name, std::string_view value);

}  // namespace byon::emergency
