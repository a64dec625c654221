#include "controlplane/dns/message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace byon::dns {
namespace {

using base::ByteReader;
using base::ByteSpan;
using base::ByteWriter;

constexpr size_t kMaxNameBytes = 255;  // RFC 1035 section 2.3.4
constexpr size_t kMaxLabelBytes = 63;
constexpr unsigned kMaxRecords = 512;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kTypeOpt = 41;        // RFC 6891
constexpr uint16_t kAnswerBytes = 1232;  // passes every path of IPv6 unfragmented
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr uint32_t kMaxTtl = 0x7fffffff;  // RFC 2181 section 8: beyond means zero

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Name {
  std::string text;
  bool is_host_name = true;
};

// Reads a name at the reader; pointers lead into the whole message, each further back than the last.
std::optional<Name> ReadName(ByteSpan message, ByteReader& reader) {
  Name name;
  size_t bytes = 0;
  ByteReader elsewhere(message);
  ByteReader* at = &reader;
  size_t lowest = reader.position();
  while (true) {
    const uint8_t length = at->ReadU8();
    if (!at->ok()) return std::nullopt;
    if (length == 0) return name;
    if (length >= 0xc0) {
      const size_t target = static_cast<size_t>(length & 0x3f) << 8 | at->ReadU8();
      if (!at->ok() || target >= lowest) return std::nullopt;
      lowest = target;
      elsewhere = ByteReader(message);
      elsewhere.Skip(target);
      at = &elsewhere;
      continue;
    }
    if (length > kMaxLabelBytes || (bytes += length + 1u) >= kMaxNameBytes) return std::nullopt;
    const std::string_view label = base::AsText(at->ReadBytes(length));
    if (!at->ok()) return std::nullopt;
    if (!name.text.empty()) name.text += '.';
    for (const char c : label) {
      name.is_host_name = name.is_host_name && IsNameByte(c);
      name.text += Lower(c);
    }
  }
}

// RFC 1035 section 3.3.
std::string ReadString(ByteReader& reader) {
  const uint8_t length = reader.ReadU8();
  return std::string(base::AsText(reader.ReadBytes(length)));
}

std::string AddressText(int family, ByteSpan bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, bytes.data(), text.data(), text.size());
  return text.data();
}

// Reads one message: the data of a record has names that point out of it.
class Parser {
 public:
  explicit Parser(ByteSpan message) : message_(message), reader_(message) {}

  std::optional<Message> Parse();

 private:
  bool ReadQuestion(Message& message);
  bool ReadRecords(unsigned count, std::vector<Record>& records);
  // False: malformed. `record` stays without data when it is of no use.
  bool ReadData(uint16_t type, uint16_t length, std::optional<Record>& record);

  ByteSpan message_;
  ByteReader reader_;
};

bool Parser::ReadQuestion(Message& message) {
  const auto name = ReadName(message_, reader_);
  message.question_type = reader_.ReadU16();
  const uint16_t question_class = reader_.ReadU16();
  if (!name || !reader_.ok() || question_class != kClassIn) return false;
  message.question_name = name->text;
  return true;
}

bool Parser::ReadData(uint16_t type, uint16_t length, std::optional<Record>& record) {
  const size_t start = reader_.position();
  if (length > reader_.remaining()) return false;
  // Lengths are of the record; names in it may point anywhere before.
  const ByteSpan until_end = message_.first(start + length);
  ByteReader data(until_end);
  data.Skip(start);
  reader_.Skip(length);
  Record& target = *record;
  std::optional<Name> name;
  switch (static_cast<RecordType>(type)) {
    case RecordType::kA:
      if (length != 4) return false;
      target.data = Address{AddressText(AF_INET, data.ReadBytes(4))};
      break;
    case RecordType::kAaaa:
      if (length != 16) return false;
      target.data = Address{AddressText(AF_INET6, data.ReadBytes(16))};
      break;
    case RecordType::kCname:
      name = ReadName(until_end, data);
      if (!name) return false;
      target.data = Alias{name->text};
      break;
    case RecordType::kSoa: {
      name = ReadName(until_end, data);
      if (!name || !ReadName(until_end, data)) return false;
      data.Skip(16);  // serial, refresh, retry, expire
      target.data = StartOfAuthority{data.ReadU32()};
      break;
    }
    case RecordType::kSrv: {
      Service service{.priority = data.ReadU16(), .weight = data.ReadU16(), .port = data.ReadU16(), .target = {}};
      name = ReadName(until_end, data);
      if (!name) return false;
      service.target = name->text;
      target.data = std::move(service);
      break;
    }
    case RecordType::kNaptr: {
      NamingAuthority naptr;
      naptr.order = data.ReadU16();
      naptr.preference = data.ReadU16();
      naptr.flags = ReadString(data);
      naptr.service = ReadString(data);
      (void)ReadString(data);  // regexp: not for SIP (RFC 3263 section 4.1)
      name = ReadName(until_end, data);
      if (!name) return false;
      for (char& c : naptr.flags) c = Lower(c);
      for (char& c : naptr.service) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      naptr.replacement = name->text;
      target.data = std::move(naptr);
      break;
    }
    default: record.reset(); return true;
  }
  if (!data.ok() || data.remaining() != 0) return false;
  if (name && !name->is_host_name) record.reset();
  return true;
}

bool Parser::ReadRecords(unsigned count, std::vector<Record>& records) {
  for (unsigned i = 0; i < count; ++i) {
    const auto name = ReadName(message_, reader_);
    const uint16_t type = reader_.ReadU16();
    const uint16_t record_class = reader_.ReadU16();
    const uint32_t ttl = reader_.ReadU32();
    const uint16_t length = reader_.ReadU16();
    if (!name || !reader_.ok()) return false;
    std::optional<Record> record(Record{name->text, static_cast<RecordType>(type), ttl > kMaxTtl ? 0 : ttl, {}});
    if (!ReadData(record_class == kClassIn ? type : kTypeOpt, length, record)) return false;
    if (record && name->is_host_name) records.push_back(std::move(*record));
  }
  return true;
}

std::optional<Message> Parser::Parse() {
  Message message;
  message.id = reader_.ReadU16();
  const uint16_t flags = reader_.ReadU16();
  message.is_response = (flags & 0x8000) != 0;
  message.is_truncated = (flags & 0x0200) != 0;
  message.response_code = flags & 0xf;
  const unsigned questions = reader_.ReadU16();
  const unsigned answers = reader_.ReadU16();
  const unsigned authorities = reader_.ReadU16();
  (void)reader_.ReadU16();  // additional records: not read
  if (!reader_.ok() || questions != 1 || answers + authorities > kMaxRecords) return std::nullopt;
  if (!ReadQuestion(message)) return std::nullopt;
  // What a cut-off message still has of records is asked for anew over TCP.
  if (message.is_truncated) return message;
  if (!ReadRecords(answers, message.answers) || !ReadRecords(authorities, message.authorities)) return std::nullopt;
  return message;
}

}  // namespace

bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabelBytes || !std::all_of(label.begin(), label.end(), IsNameByte))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::optional<std::vector<std::byte>> WriteQuery(uint16_t id, std::string_view name, RecordType type) {
  if (!IsHostName(name)) return std::nullopt;
  std::array<std::byte, 12 + kMaxNameBytes + 4 + 11> buffer;
  ByteWriter writer(buffer);
  writer.WriteU16(id);
  writer.WriteU16(kRecursionDesired);
  writer.WriteU16(1);  // questions
  writer.WriteU16(0);
  writer.WriteU16(0);
  writer.WriteU16(1);  // additional: OPT
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    writer.WriteU8(static_cast<uint8_t>(label.size()));
    writer.WriteBytes(base::AsBytes(label));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  writer.WriteU8(0);
  writer.WriteU16(static_cast<uint16_t>(type));
  writer.WriteU16(kClassIn);
  writer.WriteU8(0);  // root
  writer.WriteU16(kTypeOpt);
  writer.WriteU16(kAnswerBytes);
  writer.WriteU32(0);
  writer.WriteU16(0);
  const ByteSpan written = writer.written();
  return std::vector<std::byte>(written.begin(), written.end());
}

std::optional<Message> ParseMessage(ByteSpan bytes) { return Parser(bytes).Parse(); }

}  // namespace byon::dns
