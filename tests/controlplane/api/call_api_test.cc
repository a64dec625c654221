#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using call::Status;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::Return;

constexpr const char* kSessions = "/webrtc-call-handling/v0.4/sessions";

json ACall() {
  return {{"originatorAddress", "tel:+34600000001"},
          {"receiverAddress", "tel:+34600000002"},
          {"originatorName", "Alice"},
          {"offer", {{"sdp", "v=0\r\n"}}}};
}
const std::map<std::string, std::string> kRegistration{{"registrationid", "reg-1"}};

class CallApiTest : public ApiTest {
 protected:
  void Answers(gateway::MediaSession session) {
    EXPECT_CALL(service_, CreateCall).WillOnce([session](auto, auto, auto done) { done(session); });
  }
  Reply Create(const json& body) { return Request("POST", kSessions, body, kRegistration); }
};

TEST_F(CallApiTest, Creates) {
  EXPECT_CALL(service_, CreateCall(_,
                                   AllOf(Field(&gateway::CallRequest::registration_id, "reg-1"),
                                         Field(&gateway::CallRequest::receiver_address, "tel:+34600000002"),
                                         Field(&gateway::CallRequest::originator_name, "Alice"),
                                         Field(&gateway::CallRequest::offer_sdp, "v=0\r\n"),
                                         Field(&gateway::CallRequest::is_emergency, false)),
                                   _))
      .WillOnce([this](auto, auto, auto done) { done(ASession()); });
  const Reply reply = Create(ACall());
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, (json{{"mediaSessionId", "ms-1"},
                              {"originatorAddress", "tel:+34600000001"},
                              {"originatorName", "Alice"},
                              {"receiverAddress", "tel:+34600000002"},
                              {"status", "Initial"},
                              {"offer", {{"sdp", "v=0\r\n"}}}}));
}

TEST_F(CallApiTest, WantsTheRegistration) {
  EXPECT_EQ(Request("POST", kSessions, ACall()).Short(), "400 INVALID_ARGUMENT");
  for (const std::string& id : {std::string("a b"), std::string(257, 'x'), std::string("a\r\nb")}) {
    EXPECT_EQ(Request("POST", kSessions, ACall(), {{"registrationid", id}}).Short(), "400 INVALID_ARGUMENT");
  }
}

TEST_F(CallApiTest, RefusesWhatTheSchemaDoesNotKnow) {
  const std::vector<std::function<void(json&)>> changes{
      [](json& b) { b.erase("offer"); },
      [](json& b) { b.erase("originatorAddress"); },
      [](json& b) { b.erase("receiverAddress"); },
      [](json& b) { b["clientCorrelator"] = "x"; },
      [](json& b) { b["offer"]["type"] = "offer"; },
      [](json& b) { b["offer"] = "v=0"; },
      [](json& b) { b["offer"] = json::object(); },
      [](json& b) { b["offer"]["sdp"] = 5; },
      [](json& b) { b["offer"]["sdp"] = ""; },
      [](json& b) { b["offer"]["sdp"] = std::string("v=0\0", 4); },
      [](json& b) { b["offer"]["sdp"] = std::string(65537, 'v'); },
      [](json& b) { b["status"] = "Initial"; },
      [](json& b) {
        b["answer"] = {{"sdp", "v=0"}};
      },
      [](json& b) { b["callType"] = "URGENT"; },
      [](json& b) { b["originatorName"] = "A\r\nVia: x"; },
      [](json& b) { b["originatorName"] = "A\u2028B"; },
      [](json& b) { b["originatorName"] = std::string(257, 'x'); },
      [](json& b) { b["receiverName"] = nullptr; },
      [](json& b) { b["receiverAddress"] = "sip:anonymous@anonymous.invalid"; },
      [](json& b) { b["originatorAddress"] = "urn:service:sos"; },
      [](json& b) {
        b["locationDetails"] = {{"shape", "Square"}};
      },
      [](json& b) {
        b["locationDetails"] = {{"coordinates", {{"latitude", 1}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"coordinates", {{"latitude", 91}, {"longitude", 0}, {"radius", 1}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"shape", "Ellipsoid"},
                                {"coordinates", {{"latitude", 1}, {"longitude", 0}, {"radius", 1}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"coordinates", {{"latitude", 1}, {"longitude", 0}, {"radius", 1}, {"x", 1}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"confidence", {{"value", 101}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"confidence", {{"pdf", "odd"}}}};
      },
      [](json& b) {
        b["locationDetails"] = {{"timestamp", "now"}};
      },
      [](json& b) {
        b["locationDetails"] = {{"method", "GUESS"}};
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    json body = ACall();
    changes[i](body);
    EXPECT_EQ(Create(body).Short(), "400 INVALID_ARGUMENT") << i << " " << body.dump().substr(0, 200);
  }
}

TEST_F(CallApiTest, TakesANewPlaceToTheEmergencyService) {  // Covers: C18
  constexpr const char* kPath = "/byon/v1/calls/ms-1/location";
  EXPECT_CALL(service_, ChangeLocation(_, "ms-1", _, _)).WillOnce([](auto&, auto&, const auto& location, auto done) {
    EXPECT_EQ(location.position->latitude, 40.5);
    EXPECT_EQ(location.civic.at("A3"), "Madrid");
    done(gateway::Done{});
  });
  EXPECT_EQ(Request("PUT", kPath, json::parse(R"({"shape": "Circle", "civicAddress": {"country": "ES", "A3": "Madrid"},
      "coordinates": {"latitude": 40.5, "longitude": -3.7, "radius": 15}})"))
                .status,
            204);
  for (const char* bad :
       {R"({})", R"({"method": "GPS"})", R"({"civicAddress": {"A3": "Madrid"}})",
        R"({"coordinates": {"latitude": 91, "longitude": 0, "radius": 1}})", R"({"place": "here"})"}) {
    EXPECT_EQ(Request("PUT", kPath, json::parse(bad)).Short(), "400 INVALID_ARGUMENT") << bad;
  }
}

// A21: whatever could reach a SIP header.
TEST_F(CallApiTest, RefusesAddressesThatAreNone) {
  for (const char* address : {"",
                              "tel:112",
                              "tel:+1234",
                              "tel:+34600000002;ext=1",
                              "tel:+3460000000200001",
                              "sip:bob@10.0.0.1",
                              "sip:bob@ims.test?Replaces=x",
                              "sip:bob@ims.test;user=phone",
                              "sip:b ob@ims.test",
                              "sip:bob\r\n@ims.test",
                              "sip:bob%0d%0a@ims.test>",
                              "sip:bob@ims.test\nX: y",
                              "sip:@ims.test",
                              "sip:bob@ims",
                              "sips:bob@ims.test",
                              "tel:*21#;phone-context=",
                              "tel:1;phone-context=-a.b",
                              "urn:service:sos.",
                              "urn:service:sos.Fire",
                              "urn:service:police",
                              "http://x.example",
                              "sip:bob@ims.test@x.test"}) {
    json body = ACall();
    body["receiverAddress"] = address;
    EXPECT_EQ(Create(body).Short(), "400 INVALID_ARGUMENT") << address;
  }
}

TEST_F(CallApiTest, AcceptsEveryDocumentedAddress) {
  for (const char* address : {"tel:+818000000001", "tel:112;phone-context=+81", "tel:*21#;phone-context=example.com",
                              "sip:+818000000001@operator.com", "sip:112;phone-context=ims.test@ims.test;user=phone"}) {
    json body = ACall();
    body["receiverAddress"] = address;
    Answers(ASession());
    EXPECT_EQ(Create(body).status, 201) << address;
  }
  json anonymous = ACall();
  anonymous["originatorAddress"] = "sip:anonymous@anonymous.invalid";
  Answers(ASession());
  EXPECT_EQ(Create(anonymous).status, 201);
}

TEST_F(CallApiTest, KnowsAnEmergency) {
  for (const json& change : {json{{"callType", "EMERGENCY"}}, json{{"receiverAddress", "urn:service:sos.police"}}}) {
    json body = ACall();
    body.update(change);
    EXPECT_CALL(service_, CreateCall(_, Field(&gateway::CallRequest::is_emergency, true), _))
        .WillOnce([](auto, auto, auto done) {
          done(gateway::Error{gateway::ErrorCode::kEmergencyNotSupported, ""});
        });
    EXPECT_EQ(Create(body).Short(), "501 CALLTYPE_EMERGENCY_NOT_SUPPORTED");
  }
}

TEST_F(CallApiTest, CarriesTheLocation) {
  const json location{{"shape", "Circle"},
                      {"coordinates", {{"latitude", 47.5}, {"longitude", -122.4}, {"radius", 27}}},
                      {"method", "GPS"},
                      {"confidence", {{"pdf", "normal"}, {"value", 97}}},
                      {"timestamp", "2025-10-06T19:31:25Z"}};
  json body = ACall();
  body["locationDetails"] = location;
  EXPECT_CALL(service_, CreateCall).WillOnce([&](auto, const gateway::CallRequest& request, auto done) {
    EXPECT_EQ(request.location.position->latitude, 47.5);
    EXPECT_EQ(request.location.position->longitude, -122.4);
    EXPECT_EQ(request.location.position->radius_m, 27);
    EXPECT_EQ(request.location.method, "GPS");
    EXPECT_EQ(request.location.confidence->percent, 97);
    EXPECT_EQ(request.location.civic.at("RD"), "Calle Mayor");
    EXPECT_EQ(request.location.language, "es");
    done(ASession());
  });
  body["locationDetails"]["civicAddress"] =
      json::parse(R"({"country": "ES", "A3": "Madrid", "RD": "Calle Mayor", "HNO": "1", "lang": "es"})");
  const Reply reply = Create(body);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body.dump().find("Mayor"), std::string::npos) << "told to nobody";
}

TEST_F(CallApiTest, ACivicAddressIsHeldToItsElements) {
  for (const char* address :
       {R"({})", R"({"country": "es"})", R"({"country": "ES", "street": "x"})", R"({"country": "ES", "A3": ""})",
        R"({"country": "ES", "A3": "a\u0007"})", R"({"country": "ES", "lang": "e s"})", R"([])", R"({"country": 1})"}) {
    json body = ACall();
    body["locationDetails"]["civicAddress"] = json::parse(address);
    EXPECT_EQ(Create(body).Short(), "400 INVALID_ARGUMENT") << address;
  }
  // Where a call goes on it is CAMARA's word and no more.
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status",
                    json::parse(R"({"status": "Connected", "locationDetails": {"civicAddress": {"country": "ES"}}})"))
                .Short(),
            "400 INVALID_ARGUMENT");
}

TEST_F(CallApiTest, ACallForHelpIsKnownHoweverItIsWritten) {
  EXPECT_CALL(service_, IsEmergency).WillRepeatedly([](const std::string& address) {
    return address == "tel:112" || address == "urn:Service:SOS" || address == "sip:112@192.0.2.7";
  });
  for (const char* path : {kSessions, "/webrtc-call-handling/v0.3/sessions"}) {
    for (const char* receiver : {"tel:112", "urn:Service:SOS", "sip:112@192.0.2.7"}) {
      json body = ACall();
      body["receiverAddress"] = receiver;
      EXPECT_CALL(service_, CreateCall(_,
                                       AllOf(Field(&gateway::CallRequest::is_emergency, true),
                                             Field(&gateway::CallRequest::receiver_address, receiver)),
                                       _))
          .WillOnce([](auto, auto, auto done) {
            done(gateway::Error{gateway::ErrorCode::kEmergencyNotSupported, ""});
          });
      EXPECT_EQ(Request("POST", path, body, {{"registrationId", "reg-1"}, {"registrationid", "reg-1"}}).status, 501)
          << receiver;
    }
  }
  json body = ACall();
  body["receiverAddress"] = "tel:113";
  EXPECT_EQ(Create(body).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(CallApiTest, NobodyUsesUpTheCallsForHelpOfOthers) {
  requests_per_second_ = 1;
  Start();
  EXPECT_CALL(service_, CreateCall).WillRepeatedly([&](auto, auto, auto done) { done(ASession()); });
  json help = ACall();
  help["callType"] = "EMERGENCY";
  remote_address_ = "198.51.100.9";
  int last = 401;
  for (int i = 0; i < 50 && last == 401; ++i) {
    last =
        Request("POST", kSessions, help, {{"authorization", "Bearer eyJ.e30.x"}, {"registrationid", "reg-1"}}).status;
  }
  EXPECT_EQ(last, 429) << "who has no token gets no further than this";
  remote_address_ = "192.0.2.1";
  EXPECT_EQ(Create(help).status, 201);
}

TEST_F(CallApiTest, ACallForHelpIsPastTheRates) {
  requests_per_second_ = 1;
  Start();
  const auto create = [&](const char* receiver) {
    json body = ACall();
    body["receiverAddress"] = receiver;
    return Create(body).status;
  };
  EXPECT_CALL(service_, IsEmergency).WillRepeatedly([](const std::string& address) {
    return address == "tel:112;phone-context=+34";
  });
  EXPECT_CALL(service_, CreateCall).WillRepeatedly([&](auto, auto, auto done) { done(ASession()); });
  int last = 201;
  for (int i = 0; i < 10 && last == 201; ++i) last = create("tel:+34600000002");
  ASSERT_EQ(last, 429);
  EXPECT_EQ(create("tel:112;phone-context=+34"), 201);
  EXPECT_EQ(create("tel:+34600000002"), 429);
}

TEST_F(CallApiTest, ChangesTheStatus) {
  gateway::MediaSession session = ASession(Status::kConnected);
  session.answer_sdp = "v=0\r\na";
  EXPECT_CALL(service_, ChangeStatus(_, "ms-1",
                                     AllOf(Field(&gateway::StatusChange::status, Status::kConnected),
                                           Field(&gateway::StatusChange::answer_sdp, "v=0\r\na")),
                                     _))
      .WillOnce([session](auto&, auto&, auto, auto done) { done(session); });
  const Reply reply = Request("PUT", std::string(kSessions) + "/ms-1/status",
                              json{{"status", "Connected"}, {"answer", {{"sdp", "v=0\r\na"}}}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["status"], "Connected");
  EXPECT_EQ(reply.body["answer"]["sdp"], "v=0\r\na");
}

TEST_F(CallApiTest, AcceptsAllFifteenStatusNamesAndNoOther) {
  const char* const names[] = {"Initial",    "InProgress", "Ringing",  "Proceeding",       "Connected",
                               "Terminated", "Hold",       "Resume",   "SessionCancelled", "Declined",
                               "Failed",     "Waiting",    "NoAnswer", "NotReachable",     "Busy"};
  EXPECT_CALL(service_, ChangeStatus).Times(15).WillRepeatedly([this](auto&, auto&, auto, auto done) {
    done(ASession());
  });
  for (const char* name : names) {
    EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status", json{{"status", name}}).status, 200) << name;
  }
  for (const json& body :
       {json{{"status", "connected"}}, json{{"status", "Gone"}}, json{{"status", 5}}, json::object(),
        json{{"status", "Hold"}, {"mediaSessionId", "ms-1"}}, json{{"status", "Hold"}, {"reason", "x"}}}) {
    EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status", body).Short(), "400 INVALID_ARGUMENT") << body;
  }
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "//status", json{{"status", "Hold"}}).Short(),
            "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1", json{{"status", "Hold"}}).Short(),
            "405 METHOD_NOT_ALLOWED");
}

TEST_F(CallApiTest, ARegistrationThatIsNamedMustBeTheSessions) {
  EXPECT_CALL(service_, GetCall(_, "ms-1")).WillRepeatedly([this](auto&, auto&) { return ASession(); });
  const std::string target = std::string(kSessions) + "/ms-1";
  EXPECT_EQ(Request("GET", target, std::string(), kRegistration).status, 200);
  const std::map<std::string, std::string> other = {{"registrationid", "reg-2"}};
  EXPECT_EQ(Request("GET", target, std::string(), other).Short(), "403 INVALID_TOKEN_CONTEXT");
  EXPECT_EQ(Request("PUT", target + "/status", json{{"status", "Hold"}}.dump(), other).Short(),
            "403 INVALID_TOKEN_CONTEXT");
  EXPECT_EQ(Request("DELETE", target, std::string(), other).Short(), "403 INVALID_TOKEN_CONTEXT");
}

TEST_F(CallApiTest, AnEmptyIdIsAMistakeHoweverTheSlashesCome) {
  for (const char* path : {"/sessions//status", "/sessions/status"}) {
    for (const char* version : {"v0.4", "v0.3"}) {
      const std::string target = std::string("/webrtc-call-handling/") + version + path;
      EXPECT_EQ(Request("PUT", target, json{{"status", "Hold"}}).Short(), "400 INVALID_ARGUMENT") << target;
    }
  }
}

TEST_F(CallApiTest, GetsAndDeletes) {
  EXPECT_CALL(service_, GetCall(_, "ms-1")).WillOnce([this](auto&, auto&) { return ASession(); });
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/ms-1").body["mediaSessionId"], "ms-1");
  EXPECT_CALL(service_, DeleteCall(_, "ms-1", _)).WillOnce([](auto&, auto&, auto done) { done(gateway::Done{}); });
  EXPECT_EQ(Request("DELETE", std::string(kSessions) + "/ms-1").status, 204);
  EXPECT_EQ(Request("DELETE", std::string(kSessions) + "/").Short(), "400 INVALID_ARGUMENT");
}

TEST_F(CompatApiTest, AcceptsWhatCamarasOwnDocumentsSend) {
  json body = ACall();
  body["clientCorrelator"] = "correlator-1";
  body["status"] = "Initial";
  EXPECT_CALL(service_, CreateCall(_, Field(&gateway::CallRequest::client_correlator, "correlator-1"), _))
      .WillOnce([this](auto, auto, auto done) { done(ASession()); });
  EXPECT_EQ(Request("POST", kSessions, body, kRegistration).status, 201);
  EXPECT_CALL(service_, GetCall).WillRepeatedly([this](auto&, auto&) { return ASession(); });
  EXPECT_CALL(service_, ChangeStatus).Times(2).WillRepeatedly([this](auto&, auto&, auto, auto done) {
    done(ASession());
  });
  const json full{{"status", "Ringing"}, {"originatorAddress", "tel:+34600000001"}, {"mediaSessionId", "ms-1"}};
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status", full).status, 200);
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1", full).status, 200);
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status").status, 200) << "no body: nothing changes";
  json other = full;
  other["originatorAddress"] = "tel:+34600000009";
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status", other).Short(), "400 INVALID_ARGUMENT");
  json unknown = full;
  unknown["what"] = 1;
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/ms-1/status", unknown).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(CallApiTest, ListsCallsForThePage) {
  EXPECT_CALL(service_, ListCallPage(_, kDevice, 0u, 1000u))
      .WillOnce(Return(gateway::CallPage{{ASession(Status::kRinging)}, 1}));
  const Reply reply = Request("GET", std::string("/byon/v1/calls?deviceId=") + kDevice);
  ASSERT_EQ(reply.body.size(), 1u);
  EXPECT_EQ(reply.body[0]["direction"], "originating");
  EXPECT_EQ(reply.body[0]["sequenceNumber"], 3);
  EXPECT_EQ(reply.body[0]["reason"], "SIP 180 Ringing");
  EXPECT_CALL(service_, ListCallPage(_, "", 4u, 2u)).WillOnce(Return(gateway::CallPage{{ASession(), ASession()}, 7}));
  const Reply part = Request("GET", "/byon/v1/calls?page=2&perPage=2");
  EXPECT_EQ(part.status, 206) << "of all devices";
  EXPECT_EQ(part.headers.at("X-Total-Count"), "7");
  EXPECT_EQ(part.headers.at("Content-Last-Key"), "ms-1");
  for (const char* bad : {"x", "", "%zz"}) {
    EXPECT_EQ(Request("GET", std::string("/byon/v1/calls?deviceId=") + bad).Short(), "400 INVALID_ARGUMENT") << bad;
  }
}

TEST_F(CallApiTest, TellsWhatTheNetworkSaid) {
  gateway::CallDetails details{ASession(Status::kBusy), gateway::SipCause{486, 17, "Busy Here"}, {}};
  details.history.push_back({time_.now(), Status::kInitial, 0, "", std::nullopt});
  details.history.push_back(
      {time_.now(), Status::kBusy, 1, "SIP 486 Busy Here", gateway::SipCause{486, 17, "Busy Here"}});
  details.diversions = {{"tel:+34600000005", "busy"}};
  details.diverted_to = "tel:+34600000006";
  EXPECT_CALL(service_, GetCallDetails(_, "ms-1")).WillOnce([&](auto&, auto&) { return details; });
  const Reply reply = Request("GET", "/byon/v1/calls/ms-1");
  const json cause{{"sipStatus", 486}, {"q850Cause", 17}, {"text", "Busy Here"}};
  EXPECT_EQ(reply.body["cause"], cause);
  EXPECT_EQ(reply.body["status"], "Busy");
  EXPECT_EQ(reply.body["divertedFrom"], json::parse(R"([{"address": "tel:+34600000005", "reason": "busy"}])"));
  EXPECT_EQ(reply.body["divertedTo"], "tel:+34600000006");
  EXPECT_EQ(reply.body["history"], (json::array({{{"at", FormatDateTime(time_.now())}, {"status", "Initial"}},
                                                 {{"at", FormatDateTime(time_.now())},
                                                  {"status", "Busy"},
                                                  {"sequenceNumber", 1},
                                                  {"reason", "SIP 486 Busy Here"},
                                                  {"cause", cause}}})));
}

TEST_F(CallApiTest, AnIdempotencyKeyIsACorrelatorOfRest) {
  std::map<std::string, std::string> headers = kRegistration;
  headers["idempotency-key"] = "key-1";
  EXPECT_CALL(service_, CreateCall(_, Field(&gateway::CallRequest::client_correlator, "key-1"), _))
      .WillOnce([this](auto, auto, auto done) { done(ASession()); });
  EXPECT_EQ(Request("POST", kSessions, ACall(), headers).status, 201);
  headers["idempotency-key"] = "a b";
  EXPECT_EQ(Request("POST", kSessions, ACall(), headers).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(CallApiTest, HandsOutIceServers) {
  EXPECT_EQ(Request("GET", "/byon/v1/ice-servers").body["iceServers"], json::array());
  ice_ = {{"stun:stun.example.com"}, {"turn:turn.example.com?transport=udp"}, "north", seconds(600)};
  Start();
  const json servers = Request("GET", "/byon/v1/ice-servers").body;
  EXPECT_EQ(servers["expiresAt"], FormatDateTime(time_.now() + seconds(600)));
  EXPECT_EQ(servers["iceServers"][0], (json{{"urls", {"stun:stun.example.com"}}}));
  const json turn = servers["iceServers"][1];
  EXPECT_EQ(turn["urls"], json::array({"turn:turn.example.com?transport=udp"}));
  const std::string username = turn["username"];
  const auto end = std::chrono::duration_cast<seconds>((time_.now() + seconds(600)).time_since_epoch()).count();
  EXPECT_TRUE(username.starts_with(std::to_string(end) + ":")) << username;
  EXPECT_EQ(username.find("alice"), std::string::npos) << "the relay need not know who calls";
  EXPECT_FALSE(turn["credential"].get<std::string>().empty());
  token_ = Token("bob");
  EXPECT_NE(Request("GET", "/byon/v1/ice-servers").body["iceServers"][1]["username"], username);
}

TEST_F(CallApiTest, MovesCalls) {
  for (const auto& [to, address] : {std::pair("phone", ""), std::pair("tel:+34600000009", "tel:+34600000009")}) {
    EXPECT_CALL(service_, TransferCall(_, "ms-1", _, _))
        .WillOnce([address = address](auto&, auto&, auto request, auto done) {
          EXPECT_EQ(request.to_address, address);
          done(gateway::MediaSession{.media_session_id = "ms-1"});
        });
    EXPECT_EQ(Request("POST", "/byon/v1/calls/ms-1/transfer", json{{"to", to}}).status, 202);
  }
  for (const char* body : {"{}", R"({"to": 5})", R"({"to": "my phone"})", R"({"to": "phone", "more": 1})"}) {
    EXPECT_EQ(Request("POST", "/byon/v1/calls/ms-1/transfer", json::parse(body)).Short(), "400 INVALID_ARGUMENT")
        << body;
  }
  EXPECT_CALL(service_, CancelTransfer(_, "ms-1", _)).WillOnce([](auto&, auto&, auto done) { done(gateway::Done{}); });
  EXPECT_EQ(Request("DELETE", "/byon/v1/calls/ms-1/transfer").status, 204);
  EXPECT_CALL(service_, ListElsewhere(_, "", 0u, _)).WillOnce([](auto&, auto&, size_t, size_t) {
    gateway::MediaSession session{.media_session_id = "ms-2"};
    session.offer_sdp = "v=0";
    return gateway::CallElsewherePage{{{session, true}}, 1};
  });
  const Reply list = Request("GET", "/byon/v1/calls-elsewhere");
  EXPECT_EQ(list.body[0]["place"], "phone");
  EXPECT_FALSE(list.body[0].contains("offer"));
  EXPECT_EQ(Request("GET", "/byon/v1/calls-elsewhere?deviceId=x").Short(), "400 INVALID_ARGUMENT");
  EXPECT_CALL(service_, PullCall(_, _, _)).WillOnce([](auto&, auto request, auto done) {
    EXPECT_EQ(request.call_id, "ms-2");
    EXPECT_EQ(request.registration_id, "reg-1");
    EXPECT_EQ(request.offer_sdp, "v=0");
    done(gateway::MediaSession{.media_session_id = "ms-3"});
  });
  const json pull = json::parse(R"({"registrationId": "reg-1", "offer": {"sdp": "v=0"}})");
  EXPECT_EQ(Request("POST", "/byon/v1/calls-elsewhere/ms-2/pull", pull).status, 201);
  EXPECT_EQ(Request("POST", "/byon/v1/calls-elsewhere/ms-2/pull", json::object()).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(CallApiTest, SendsDtmfAndTellsQuality) {
  EXPECT_CALL(service_, SendDtmf(_, "ms-1", "12*#AD", _)).WillOnce([](auto&, auto&, auto&, auto done) {
    done(gateway::Done{});
  });
  EXPECT_EQ(Request("POST", "/byon/v1/calls/ms-1/dtmf", json{{"digits", "12*#AD"}}).status, 204);
  for (const json& body : {json{{"digits", ""}}, json{{"digits", "12x"}}, json{{"digits", std::string(33, '1')}},
                           json{{"digits", 1}}, json::object()}) {
    EXPECT_EQ(Request("POST", "/byon/v1/calls/ms-1/dtmf", body).Short(), "400 INVALID_ARGUMENT") << body;
  }
  gateway::MediaQuality quality;
  quality.access.codec = "opus";
  quality.ims.packets_received = 7;
  quality.ims.recovered_frames = 5;
  quality.ims.late_packets = 6;
  quality.ims.duplicate_packets = 8;
  quality.ims.remote_fraction_lost = 0.25;
  quality.ims.quality = {true, 116, 4.34, 4.276, 0.0125, 0.02, 0.005, 60};
  quality.ims.mean_mos = 4.1;
  quality.ims.remote_mos = 3.9;
  quality.drops["bad_tag"] = 2;
  EXPECT_CALL(service_, GetQuality(_, "ms-1", _)).WillOnce([quality](auto&, auto&, auto done) { done(quality); });
  const Reply reply = Request("GET", "/byon/v1/calls/ms-1/quality");
  EXPECT_EQ(reply.body["access"]["codec"], "opus");
  EXPECT_EQ(reply.body["ims"]["packetsReceived"], 7);
  EXPECT_EQ(reply.body["ims"]["recoveredFrames"], 5);
  EXPECT_EQ(reply.body["ims"]["latePackets"], 6);
  EXPECT_EQ(reply.body["ims"]["duplicatePackets"], 8);
  EXPECT_EQ(reply.body["ims"]["remoteFractionLost"], 0.25);
  EXPECT_EQ(reply.body["drops"]["bad_tag"], 2);
  EXPECT_EQ(reply.body["ims"]["mos"], 4.28);
  EXPECT_EQ(reply.body["ims"]["mosMean"], 4.1);
  EXPECT_EQ(reply.body["ims"]["remoteMos"], 3.9);
  EXPECT_EQ(reply.body["ims"]["rFactor"], 116);
  EXPECT_EQ(reply.body["ims"]["wideband"], true);
  EXPECT_EQ(reply.body["ims"]["concealedPercent"], 1.25);
  EXPECT_FALSE(reply.body["access"].contains("mos"));  // nothing was heard yet
}

TEST_F(CallApiTest, PlaysAnnouncementsAndTones) {
  const std::string path = "/byon/v1/calls/ms-1/playback";
  gateway::PlaybackRequest asked;
  EXPECT_CALL(service_, Play(::testing::_, "ms-1", ::testing::_, ::testing::_))
      .Times(4)
      .WillRepeatedly([&](auto&, auto&, auto request, auto done) {
        asked = request;
        done(gateway::Done{});
      });
  EXPECT_EQ(Request("POST", path, std::string(R"({"to": "peer", "announcement": "please-wait", "loop": true})")).status,
            204);
  EXPECT_TRUE(asked.is_for_peer && asked.is_looped);
  EXPECT_EQ(asked.announcement, "please-wait");
  EXPECT_EQ(Request("POST", path, std::string(R"({"to": "self", "tone": "congestion"})")).status, 204);
  EXPECT_EQ(asked.tone, call::Tone::kCongestion);
  EXPECT_FALSE(asked.is_for_peer);
  EXPECT_EQ(Request("DELETE", path + "?to=peer").status, 204);
  EXPECT_TRUE(asked.is_for_peer && asked.announcement.empty() && asked.tone == call::Tone::kNone);
  EXPECT_EQ(Request("DELETE", path + "?to=self").status, 204);
  for (const char* bad :
       {R"({})", R"({"to": "self"})", R"({"to": "all", "tone": "busy"})",
        R"({"to": "self", "tone": "busy", "announcement": "a"})", R"({"to": "self", "tone": "howler"})",
        R"({"to": "self", "announcement": "../etc"})", R"({"to": "self", "announcement": ""})",
        R"({"to": "self", "tone": "busy", "loop": true})", R"({"to": "self", "announcement": "a", "loop": "yes"})"}) {
    EXPECT_EQ(Request("POST", path, std::string(bad)).Short(), "400 INVALID_ARGUMENT") << bad;
  }
  EXPECT_EQ(Request("DELETE", path).Short(), "400 INVALID_ARGUMENT");
}

}  // namespace
}  // namespace byon::api
