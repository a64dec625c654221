#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "controlplane/emergency/country_numbers.h"
#include "controlplane/emergency/pidf_lo.h"
#include "controlplane/emergency/service_numbers.h"
#include "controlplane/xml/xml_scanner.h"

namespace byon::emergency {
namespace {

using std::chrono::system_clock;

const system_clock::time_point kNow(std::chrono::seconds(1'700'000'000));  // 2023-11-14T22:13:20Z

std::string Build(const Location& location) {
  return BuildPidfLo(location, "sip:+34600000001@ims.test", "urn:uuid:1", kNow);
}
bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool IsWellFormed(const std::string& xml) {
  xml::XmlScanner scanner(xml);
  int depth = 0;
  while (true) {
    switch (scanner.Next().kind) {
      case xml::XmlScanner::Kind::kOpen: ++depth; break;
      case xml::XmlScanner::Kind::kClose: --depth; break;
      case xml::XmlScanner::Kind::kText: break;
      case xml::XmlScanner::Kind::kEnd: return depth == 0;
      case xml::XmlScanner::Kind::kError: return false;
    }
  }
}

// As the network is told: the service without "urn:service:sos.", "" for sos itself; "-" where it is no emergency
// number.
std::string ServiceOf(const std::string& country, const std::string& number) {
  for (const ServiceNumber& one : NumbersOf(country)) {
    if (one.number != number) continue;
    return one.urn == "urn:service:sos" ? "" : one.urn.substr(std::string_view("urn:service:sos.").size());
  }
  return "-";
}

TEST(ServiceNumbers, OfCountries) {  // Covers: C18
  EXPECT_EQ(ServiceOf("ES", "091"), "police");
  EXPECT_EQ(ServiceOf("ES", "080"), "fire");
  EXPECT_EQ(NumbersOf("GB"), (std::vector<ServiceNumber>{{"999", "urn:service:sos"}}));
  EXPECT_EQ(NumbersOf("SE"), (std::vector<ServiceNumber>{{"90000", "urn:service:sos"}}));
  EXPECT_EQ(NumbersOf("NL"), (std::vector<ServiceNumber>{{"112", "urn:service:sos"}})) << "its only one";
  EXPECT_EQ(NumbersOf("US"), (std::vector<ServiceNumber>{{"911", "urn:service:sos"}}));
  EXPECT_EQ(ServiceOf("FR", "15"), "ambulance");
  EXPECT_EQ(ServiceOf("RE", "15"), "ambulance") << "a row of several countries";
  EXPECT_EQ(ServiceOf("AT", "140"), "mountain");
  EXPECT_EQ(ServiceOf("CH", "145"), "poison");
  EXPECT_EQ(ServiceOf("JP", "118"), "marine");
  EXPECT_EQ(ServiceOf("JP", "119"), "") << "fire brigade and ambulance";
  EXPECT_EQ(ServiceOf("KR", "112"), "police") << "not the service of all, as it is elsewhere";
  EXPECT_EQ(ServiceOf("KR", "111"), "country-specific.kr.111");
  EXPECT_EQ(ServiceOf("BR", "190"), "police");
  EXPECT_EQ(ServiceOf("ZA", "10111"), "police");
  EXPECT_EQ(ServiceOf("FR", "119"), "-") << "a help line is called as it is: no emergency centre can stand in for it";
  EXPECT_EQ(ServiceOf("DK", "114"), "-") << "the police, when there is no hurry";
  for (const char* unknown : {"ZZ", "", "S", "ES ", "S F", " ", "es"}) EXPECT_FALSE(KnowsCountry(unknown)) << unknown;
}

TEST(ServiceNumbers, EveryCountryHasNumbersThatAreNobodysElse) {  // Covers: C18
  std::set<std::string> countries;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      const std::string country{a, b};
      if (!KnowsCountry(country)) continue;
      countries.insert(country);
      std::set<std::string> seen;
      for (const ServiceNumber& one : NumbersOf(country)) {
        EXPECT_TRUE(IsEmergencyUrn(one.urn)) << country << ' ' << one.urn;
        EXPECT_TRUE(seen.insert(one.number).second) << country << " has " << one.number << " twice";
        // Shorter is a key of a menu, longer may be a subscriber's.
        EXPECT_TRUE(one.number.size() >= 2 && one.number.size() <= 6) << country << ' ' << one.number;
        EXPECT_EQ(one.number.find_first_not_of("0123456789"), std::string::npos) << country << ' ' << one.number;
      }
      EXPECT_FALSE(seen.empty()) << country;
    }
  }
  EXPECT_EQ(countries.size(), 248u) << "ISO 3166-1 without the uninhabited AQ, BV, HM and TF, with AC, TA and XK";
}

TEST(ServiceNumbers, EveryRowReadsAsItIsMeant) {
  const std::set<std::string> services{"",       "ambulance", "fire",   "gas",
                                       "marine", "mountain",  "poison", "police"};  // RFC 5031 section 4.2
  std::set<std::string> seen;
  std::string last;
  for (const CountryNumbers& row : AllCountryNumbers()) {
    std::istringstream countries{std::string(row.countries)};
    std::string country;
    EXPECT_LT(last, row.countries.substr(0, 2)) << "out of order";
    last = row.countries.substr(0, 2);
    while (countries >> country) {
      EXPECT_EQ(country.size(), 2u) << row.countries;
      EXPECT_TRUE(seen.insert(country).second) << country << " is in two rows";
      EXPECT_TRUE(KnowsCountry(country)) << country;
    }
    for (const ServiceNumber& one : NumbersOf(last)) {
      const std::string service = ServiceOf(last, one.number);
      EXPECT_TRUE(services.contains(service) || service == "country-specific.kr." + one.number)
          << last << ' ' << service;
    }
  }
}

TEST(ServiceNumbers, Urns) {
  for (const char* good :
       {"urn:service:sos", "urn:service:sos.police", "urn:service:sos.ecall.manual", "urn:service:sos.a-b"}) {
    EXPECT_TRUE(IsEmergencyUrn(good)) << good;
  }
  for (const char* bad :
       {"", "urn:service:so", "urn:service:sos.", "urn:service:sos..x", "urn:service:sosx", "urn:service:sos.Fire",
        "urn:service:sos.-a", "urn:service:sos.a>", "urn:service:counseling"}) {
    EXPECT_FALSE(IsEmergencyUrn(bad)) << bad;
  }
}

// The shapes of RFC 5491 section 5.2.
TEST(PidfLo, ACircle) {  // Covers: C18
  Location location{.position = Position{.latitude = -34.407242, .longitude = 150.882518, .radius_m = 30}};
  location.method = "GPS";
  location.confidence = Confidence{"normal", 97};
  location.taken_at = kNow - std::chrono::seconds(20);
  const std::string xml = Build(location);
  EXPECT_TRUE(IsWellFormed(xml)) << xml;
  EXPECT_TRUE(Has(xml, "entity=\"sip:+34600000001@ims.test\""));
  EXPECT_TRUE(Has(xml,
                  "<gs:Circle srsName=\"urn:ogc:def:crs:EPSG::4326\"><gml:pos>-34.4072420 150.8825180</gml:pos>"
                  "<gs:radius uom=\"urn:ogc:def:uom:EPSG::9001\">30.0</gs:radius></gs:Circle>"
                  "<con:confidence pdf=\"normal\">97.0</con:confidence>"))
      << xml;
  EXPECT_TRUE(Has(xml, "<gp:method>GPS</gp:method>"));
  EXPECT_TRUE(Has(xml, "<dm:deviceID>urn:uuid:1</dm:deviceID><dm:timestamp>2023-11-14T22:13:00Z</dm:timestamp>"));
  EXPECT_TRUE(Has(xml, "<gbp:retention-expiry>2023-11-15T22:13:20Z</gbp:retention-expiry>"));
}

TEST(PidfLo, APointAndAnEllipsoid) {
  const std::string point = Build({.position = Position{.latitude = 1, .longitude = 2}});
  EXPECT_TRUE(Has(
      point, "<gml:Point srsName=\"urn:ogc:def:crs:EPSG::4326\"><gml:pos>1.0000000 2.0000000</gml:pos></gml:Point>"))
      << point;
  EXPECT_TRUE(Has(point, "<dm:timestamp>2023-11-14T22:13:20Z")) << "now, where nobody says when";
  Location location{.position = Position{.latitude = 42.5463, .longitude = -73.2512}};
  location.position->ellipsoid = {26.3, 7.7156, 3.31, 28.7, 90};
  const std::string xml = Build(location);
  EXPECT_TRUE(IsWellFormed(xml));
  EXPECT_TRUE(Has(xml,
                  "<gs:Ellipsoid srsName=\"urn:ogc:def:crs:EPSG::4979\"><gml:pos>42.5463000 -73.2512000 26.3</gml:pos>"
                  "<gs:semiMajorAxis uom=\"urn:ogc:def:uom:EPSG::9001\">7.7</gs:semiMajorAxis>"))
      << xml;
  EXPECT_TRUE(Has(xml, "<gs:orientation uom=\"urn:ogc:def:uom:EPSG::9102\">90.00</gs:orientation>"));
}

TEST(PidfLo, ACivicAddressInTheOrderOfItsSchemaAndEscaped) {
  Location location;
  location.civic = {
      {"country", "ES"}, {"A3", "Madrid"}, {"RD", "Calle <Mayor> & \"Sol\""}, {"HNO", "1"}, {"PC", "28013"}};
  location.language = "es";
  const std::string xml = Build(location);
  EXPECT_TRUE(IsWellFormed(xml)) << xml;
  EXPECT_TRUE(Has(xml,
                  "<ca:civicAddress xml:lang=\"es\"><ca:country>ES</ca:country><ca:A3>Madrid</ca:A3>"
                  "<ca:RD>Calle &lt;Mayor&gt; &amp; "
                  "&quot;Sol&quot;</ca:RD><ca:HNO>1</ca:HNO><ca:PC>28013</ca:PC></ca:civicAddress>"))
      << xml;
  location.position = Position{.latitude = 40.4, .longitude = -3.7};
  const std::string both = Build(location);
  EXPECT_LT(both.find("<gml:Point"), both.find("<ca:civicAddress")) << "the position first (RFC 5491 section 3)";
  EXPECT_EQ(Build({}), "");
}

TEST(PidfLo, IsReadAsItIsWritten) {
  Location location{.position = Position{.latitude = -34.407242, .longitude = 150.882518, .radius_m = 30}};
  location.civic = {{"country", "ES"}, {"A3", "Madrid"}, {"RD", "Calle <Mayor> & \"Sol\""}};
  location.language = "es";
  location.method = "GPS";
  location.confidence = Confidence{"normal", 97};
  location.taken_at = kNow - std::chrono::seconds(20);
  const auto read = ReadPidfLo(Build(location));
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->position);
  EXPECT_DOUBLE_EQ(read->position->latitude, -34.407242);
  EXPECT_DOUBLE_EQ(read->position->longitude, 150.882518);
  EXPECT_EQ(read->position->radius_m, 30);
  EXPECT_FALSE(read->position->ellipsoid);
  EXPECT_EQ(read->civic, location.civic);
  EXPECT_EQ(read->language, "es");
  EXPECT_EQ(read->method, "GPS");
  ASSERT_TRUE(read->confidence);
  EXPECT_EQ(read->confidence->pdf, "normal");
  EXPECT_EQ(read->confidence->percent, 97);
  EXPECT_EQ(read->taken_at, location.taken_at);
  location.position->ellipsoid = {26.3, 7.7, 3.3, 28.7, 90};
  const auto round = ReadPidfLo(Build(location));
  ASSERT_TRUE(round && round->position && round->position->ellipsoid);
  EXPECT_EQ(round->position->ellipsoid->altitude_m, 26.3);
  EXPECT_EQ(round->position->ellipsoid->semi_major_axis_m, 7.7);
  EXPECT_EQ(round->position->ellipsoid->orientation_deg, 90);
}

// As clients write them: in a tuple, with prefixes of their own, with blanks and a zone, several of them.
TEST(PidfLo, OfClientsIsRead) {
  const auto of = [](const std::string& info, const std::string& rest = "") {
    return ReadPidfLo(
        "<p:presence xmlns:p=\"urn:ietf:params:xml:ns:pidf\"><p:tuple id=\"a\"><p:status><g:geopriv><g:location-info>" +
        info + "</g:location-info></g:geopriv></p:status>" + rest + "</p:tuple></p:presence>");
  };
  const auto point =
      of("<gml:Point srsName=\"urn:ogc:def:crs:EPSG::4326\"><gml:pos>\n 40.4168  -3.7038 </gml:pos></gml:Point>",
         "<p:timestamp>2023-11-14T23:13:20.25+01:00</p:timestamp>");
  ASSERT_TRUE(point && point->position);
  EXPECT_EQ(point->position->longitude, -3.7038);
  EXPECT_EQ(point->taken_at, kNow);
  const auto ellipse =
      of("<gs:Ellipse><gml:pos>1 "
         "2</gml:pos><gs:semiMajorAxis>50</gs:semiMajorAxis><gs:semiMinorAxis>20</gs:semiMinorAxis></gs:Ellipse>");
  ASSERT_TRUE(ellipse && ellipse->position);
  EXPECT_EQ(ellipse->position->radius_m, 50) << "the circle around it";
  EXPECT_FALSE(ellipse->position->ellipsoid);
  const auto both =
      of("<c:civicAddress><c:country>DE</c:country><c:XX>unknown</c:XX></c:civicAddress><gml:Point><gml:pos>1 "
         "2</gml:pos></gml:Point>"
         "<gml:Point><gml:pos>3 4</gml:pos></gml:Point>");
  ASSERT_TRUE(both && both->position);
  EXPECT_EQ(both->position->latitude, 1) << "the first";
  EXPECT_EQ(both->civic.size(), 1u);
  for (const char* bad :
       {"", "<gml:Point/>", "<gml:Point><gml:pos>91 0</gml:pos></gml:Point>",
        "<gml:Point><gml:pos>1</gml:pos></gml:Point>", "<gml:Point><gml:pos>1 nan</gml:pos></gml:Point>",
        "<gml:Point><gml:pos>1 2 3 4</gml:pos></gml:Point>",
        "<gml:Point srsName=\"urn:ogc:def:crs:EPSG::27700\"><gml:pos>1 2</gml:pos></gml:Point>",
        "<gs:Circle><gml:pos>1 2</gml:pos><gs:radius>-1</gs:radius></gs:Circle>",
        "<gs:Circle><gml:pos>1 2</gml:pos><gs:radius uom=\"urn:ogc:def:uom:EPSG::9002\">1</gs:radius></gs:Circle>",
        "<c:civicAddress><c:country>de</c:country></c:civicAddress>", "<gs:Polygon/>"}) {
    EXPECT_FALSE(of(bad)) << bad;
  }
  EXPECT_FALSE(ReadPidfLo("<location-info><Point><pos>1 2</pos></Point></location-info>")) << "no presence document";
  EXPECT_FALSE(ReadPidfLo("<presence><location-info><Point><pos>1 2</pos></Point></location-info>")) << "cut off";
}

TEST(CivicElements, AreChecked) {
  EXPECT_TRUE(IsCivicElement("RD"));
  EXPECT_FALSE(IsCivicElement("street"));
  EXPECT_EQ(CheckCivicElement("country", "ES"), "");
  EXPECT_NE(CheckCivicElement("country", "es"), "");
  EXPECT_NE(CheckCivicElement("A3", ""), "");
  EXPECT_NE(CheckCivicElement("A3", "a\nb"), "");
  EXPECT_NE(CheckCivicElement("A3", std::string(257, 'x')), "");
}

}  // namespace
}  // namespace byon::emergency
