#include "tests/controlplane/dns/fake_name_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace byon::dns::test {
namespace {

void Put16(Bytes& bytes, unsigned value) {
  bytes.push_back(static_cast<std::byte>(value >> 8 & 0xff));
  bytes.push_back(static_cast<std::byte>(value & 0xff));
}
void Put32(Bytes& bytes, uint32_t value) {
  Put16(bytes, value >> 16);
  Put16(bytes, value & 0xffff);
}
void Put(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
void PutString(Bytes& bytes, const std::string& text) {
  bytes.push_back(static_cast<std::byte>(text.size()));
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}
void PutRecord(Bytes& bytes, const WireRecord& record) {
  Put(bytes, NameData(record.name));
  Put16(bytes, static_cast<unsigned>(record.type));
  Put16(bytes, 1);
  Put32(bytes, record.ttl_s);
  Put16(bytes, static_cast<unsigned>(record.data.size()));
  Put(bytes, record.data);
}

}  // namespace

Bytes NameData(const std::string& name) {
  Bytes bytes;
  for (size_t start = 0; start < name.size();) {
    const size_t end = std::min(name.find('.', start), name.size());
    PutString(bytes, name.substr(start, end - start));
    start = end + 1;
  }
  bytes.push_back(std::byte{0});
  return bytes;
}

Bytes AddressData(const std::string& address) {
  const bool is_v6 = address.find(':') != std::string::npos;
  Bytes bytes(is_v6 ? 16 : 4);
  inet_pton(is_v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data());
  return bytes;
}

Bytes ServiceData(uint16_t priority, uint16_t weight, uint16_t port, const std::string& target) {
  Bytes bytes;
  Put16(bytes, priority);
  Put16(bytes, weight);
  Put16(bytes, port);
  Put(bytes, NameData(target));
  return bytes;
}

Bytes NaptrData(uint16_t order, uint16_t preference, const std::string& flags, const std::string& service,
                const std::string& replacement) {
  Bytes bytes;
  Put16(bytes, order);
  Put16(bytes, preference);
  PutString(bytes, flags);
  PutString(bytes, service);
  PutString(bytes, "");
  Put(bytes, NameData(replacement));
  return bytes;
}

Bytes SoaData(uint32_t minimum_s) {
  Bytes bytes = NameData("ns.test");
  Put(bytes, NameData("admin.test"));
  for (int i = 0; i < 4; ++i) Put32(bytes, 1);
  Put32(bytes, minimum_s);
  return bytes;
}

Bytes Write(const WireMessage& message) {
  Bytes bytes;
  Put16(bytes, message.id);
  Put16(bytes, message.flags);
  Put16(bytes, 1);
  Put16(bytes, static_cast<unsigned>(message.answers.size()));
  Put16(bytes, static_cast<unsigned>(message.authorities.size()));
  Put16(bytes, 0);
  Put(bytes, NameData(message.question));
  Put16(bytes, static_cast<unsigned>(message.type));
  Put16(bytes, 1);
  for (const WireRecord& record : message.answers) PutRecord(bytes, record);
  for (const WireRecord& record : message.authorities) PutRecord(bytes, record);
  return bytes;
}

FakeNameServer::FakeNameServer() {
  // A TCP port of its own; UDP of the same number is next to always free then.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  do {
    address.sin_port = 0;
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    datagrams_ = socket(AF_INET, SOCK_DGRAM, 0);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    if (bind(datagrams_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) break;
    close(listener_);
    close(datagrams_);
  } while (true);
  listen(listener_, 8);
  thread_ = std::thread([this] { Run(); });
}

FakeNameServer::~FakeNameServer() {
  is_over_ = true;
  thread_.join();
  close(listener_);
  close(datagrams_);
}

void FakeNameServer::Set(const std::string& name, RecordType type, std::vector<WireRecord> answers) {
  const std::lock_guard lock(mutex_);
  zone_[{name, type}] = std::move(answers);
}

void FakeNameServer::Add(const std::string& name, RecordType type, uint32_t ttl_s, Bytes data) {
  const std::lock_guard lock(mutex_);
  zone_[{name, type}].push_back({name, type, ttl_s, std::move(data)});
}

void FakeNameServer::Clear() {
  const std::lock_guard lock(mutex_);
  zone_.clear();
}

WireMessage FakeNameServer::AnswerTo(const Message& query) {
  const std::lock_guard lock(mutex_);
  const auto type = static_cast<RecordType>(query.question_type);
  WireMessage answer{.id = query.id, .question = query.question_name, .type = type, .answers = {}, .authorities = {}};
  const auto found = zone_.find({query.question_name, type});
  if (found != zone_.end()) answer.answers = found->second;
  return answer;
}

void FakeNameServer::Run() {
  std::array<std::byte, 65536> buffer;
  while (!is_over_) {
    pollfd waiting[] = {{.fd = datagrams_, .events = POLLIN, .revents = 0},
                        {.fd = listener_, .events = POLLIN, .revents = 0}};
    if (poll(waiting, 2, 20) <= 0) continue;
    if ((waiting[0].revents & POLLIN) != 0) {
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t size =
          recvfrom(datagrams_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      const auto query = ParseMessage(base::ByteSpan(buffer).first(size < 0 ? 0 : static_cast<size_t>(size)));
      if (!query) continue;
      ++queries_;
      if (is_silent) continue;
      const WireMessage answer = AnswerTo(*query);
      const Bytes wire = on_datagram ? on_datagram(answer) : Write(answer);
      if (!wire.empty()) sendto(datagrams_, wire.data(), wire.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
    if ((waiting[1].revents & POLLIN) != 0) {
      const int connection = accept(listener_, nullptr, nullptr);
      ++streams_;
      const ssize_t size = recv(connection, buffer.data(), buffer.size(), 0);
      const auto query =
          size < 2 ? std::nullopt : ParseMessage(base::ByteSpan(buffer).subspan(2, static_cast<size_t>(size) - 2));
      if (query) {
        const Bytes wire = Write(AnswerTo(*query));
        Bytes framed;
        Put16(framed, static_cast<unsigned>(wire.size()));
        Put(framed, wire);
        send(connection, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
      close(connection);
    }
  }
}

}  // namespace byon::dns::test
