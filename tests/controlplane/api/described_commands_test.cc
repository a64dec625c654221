// Three descriptions of one interface: the table of commands that the channel works by, the AsyncAPI document and the
// OpenAPI document. What REST can do, a command can do, and all three say so.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "controlplane/api/asyncapi_document.h"
#include "controlplane/api/channel/command_table.h"
#include "controlplane/api/openapi_document.h"

namespace byon::api {
namespace {

constexpr std::string_view kExtensions = "/byon/v1";
// What is no operation of a token's: what a page reads before it has one, and the channels themselves.
const std::set<std::string> kNoCommands = {"GET /config", "GET /channels", "POST /channels",
                                           "GET /channels/{channelId}", "DELETE /channels/{channelId}"};
// Parameters of commands whose header in REST has another name.
const std::map<std::string, std::string> kNameOfHeader = {{"Idempotency-Key", "idempotencyKey"},
                                                          {"registrationid", "registrationId"}};

using Parameters = std::map<std::string, bool>;  // to whether it is required

std::string Text(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, is_required] : parameters) text += name + (is_required ? " " : "? ");
  return text;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) {
    const size_t first = part.find_first_not_of(' ');
    if (first != part.npos) part = part.substr(first, part.find_last_not_of(' ') - first + 1);
    parts.push_back(first == part.npos ? "" : part);
  }
  return parts;
}

std::string Operation(const Command& command) { return std::string(command.method) + " " + std::string(command.path); }

Parameters ParametersOf(const Command& command) {
  Parameters found;
  if (const size_t open = command.path.find('{'); open != command.path.npos) {
    found[std::string(command.path.substr(open + 1, command.path.find('}') - open - 1))] = true;
  }
  for (const std::string& name : Split(command.query, ',')) found[name] = command.is_query_required;
  if (!command.header.empty()) found[std::string(command.header_parameter)] = true;  // all but visitors need it
  if (command.may_repeat) found["idempotencyKey"] = false;
  return found;
}

// The rows of AsyncAPI's table: command to operation and parameters.
struct Row {
  std::string operation;
  Parameters parameters;
  bool has_body = false;
};
std::map<std::string, Row> Rows(const YAML::Node& document) {
  std::map<std::string, Row> rows;
  for (const std::string& line : Split(document["info"]["description"].as<std::string>(), '\n')) {
    const auto cells = Split(line, '|');
    if (cells.size() != 6 || cells[2].find(" /") == std::string::npos) continue;
    Row& row = rows[cells[1]];
    row.operation = cells[2];
    row.has_body = !cells[4].empty() && cells[4].find("may be absent") == std::string::npos;
    for (std::string name : Split(cells[3], ',')) {
      const bool is_required = !name.ends_with('?');
      name = name.substr(0, name.find_first_of(" ?"));
      if (!name.empty()) row.parameters[name] = is_required;
    }
  }
  return rows;
}

class DescribedCommandsTest : public ::testing::Test {
 protected:
  const YAML::Node openapi_ = YAML::Load(std::string(kOpenApi));
  const YAML::Node asyncapi_ = YAML::Load(std::string(kAsyncApi));

  // Those of `list` that a client chooses.
  void Collect(const YAML::Node& list, Parameters& into) const {
    for (const YAML::Node& entry : list) {
      const std::string reference = entry["$ref"].as<std::string>("");
      const YAML::Node one =
          reference.empty() ? entry : openapi_["components"]["parameters"][reference.substr(reference.rfind('/') + 1)];
      const std::string name = one["name"].as<std::string>();
      const auto renamed = kNameOfHeader.find(name);
      into[renamed == kNameOfHeader.end() ? name : renamed->second] = one["required"].as<bool>(false);
    }
  }
};

TEST_F(DescribedCommandsTest, EveryOperationOfTheOpenApiIsACommandWithItsParameters) {
  std::map<std::string, const Command*> commands;
  for (const Command& command : Commands()) commands[Operation(command)] = &command;
  size_t operations = 0;
  for (const auto& path : openapi_["paths"]) {
    for (const auto& method : path.second) {
      std::string verb = method.first.as<std::string>();
      if (verb == "parameters") continue;
      std::transform(verb.begin(), verb.end(), verb.begin(), ::toupper);
      const std::string name = verb + " " + path.first.as<std::string>();
      if (kNoCommands.contains(name)) continue;
      ++operations;
      const auto command = commands.find(verb + " " + std::string(kExtensions) + path.first.as<std::string>());
      ASSERT_NE(command, commands.end()) << name << " is no command";
      Parameters wanted;
      Collect(path.second["parameters"], wanted);
      Collect(method.second["parameters"], wanted);
      EXPECT_EQ(Text(ParametersOf(*command->second)), Text(wanted)) << command->second->name;
    }
  }
  const auto is_extension = [](const Command& command) { return command.path.starts_with(kExtensions); };
  EXPECT_EQ(operations, static_cast<size_t>(std::count_if(Commands().begin(), Commands().end(), is_extension)))
      << "a command whose operation no document describes";
}

TEST_F(DescribedCommandsTest, TheAsyncApiHasTheSameCommandsAndParameters) {
  std::set<std::string> named;
  for (const YAML::Node& name : asyncapi_["components"]["schemas"]["Command"]["properties"]["command"]["enum"]) {
    EXPECT_TRUE(named.insert(name.as<std::string>()).second) << name;
  }
  const auto rows = Rows(asyncapi_);
  for (const Command& command : Commands()) {
    const std::string name(command.name);
    EXPECT_TRUE(named.contains(name)) << name;
    const auto row = rows.find(name);
    ASSERT_NE(row, rows.end()) << name;
    EXPECT_EQ(row->second.operation, Operation(command)) << name;
    EXPECT_EQ(Text(row->second.parameters), Text(ParametersOf(command))) << name;
  }
  EXPECT_EQ(named.size(), Commands().size());
  EXPECT_EQ(rows.size(), Commands().size());
}

TEST_F(DescribedCommandsTest, TheAsyncApiDemandsTheBodiesOfItsTable) {
  std::set<std::string> demanded;
  for (const YAML::Node& rule : asyncapi_["components"]["schemas"]["Command"]["allOf"]) {
    for (const YAML::Node& member : rule["then"]["required"]) {
      if (member.as<std::string>() == "body")
        demanded.insert(rule["if"]["properties"]["command"]["const"].as<std::string>());
    }
  }
  for (const auto& [name, row] : Rows(asyncapi_)) EXPECT_EQ(demanded.contains(name), row.has_body) << name;
}

TEST_F(DescribedCommandsTest, ListsThatComeInPagesSaySo) {
  for (const auto& [name, row] : Rows(asyncapi_)) {
    const std::string path = row.operation.substr(row.operation.find(' ') + 1);
    if (!path.starts_with(kExtensions)) continue;
    const YAML::Node operation = openapi_["paths"][path.substr(kExtensions.size())]["get"];
    const bool is_paged = row.operation.starts_with("GET ") && operation["responses"]["206"];
    EXPECT_EQ(row.parameters.contains("perPage"), is_paged) << name;
  }
}

}  // namespace
}  // namespace byon::api
