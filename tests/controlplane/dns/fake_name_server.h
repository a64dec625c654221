#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controlplane/dns/message.h"

namespace byon::dns::test {

using Bytes = std::vector<std::byte>;

// Data of records as it goes over the wire, names uncompressed.
Bytes NameData(const std::string& name);
Bytes AddressData(const std::string& address);
Bytes ServiceData(uint16_t priority, uint16_t weight, uint16_t port, const std::string& target);
Bytes NaptrData(uint16_t order, uint16_t preference, const std::string& flags, const std::string& service,
                const std::string& replacement);
Bytes SoaData(uint32_t minimum_s);

// A response: header, question, records; each with the owner's name.
struct WireRecord {
  std::string name;
  RecordType type;
  uint32_t ttl_s;
  Bytes data;
};
struct WireMessage {
  uint16_t id = 0;
  uint16_t flags = 0x8180;
  std::string question;
  RecordType type = RecordType::kA;
  std::vector<WireRecord> answers;
  std::vector<WireRecord> authorities;
};
Bytes Write(const WireMessage& message);

// A name server of the test on a free port of 127.0.0.1, UDP and TCP, with a thread of its own.
class FakeNameServer {
 public:
  FakeNameServer();
  ~FakeNameServer();
  FakeNameServer(const FakeNameServer&) = delete;

  uint16_t port() const { return port_; }
  void Set(const std::string& name, RecordType type, std::vector<WireRecord> answers);
  void Add(const std::string& name, RecordType type, uint32_t ttl_s, Bytes data);
  void Clear();
  // What happens to answers over UDP: changed, or dropped where it leaves nothing.
  std::function<Bytes(WireMessage)> on_datagram;
  bool is_silent = false;
  unsigned queries() const { return queries_; }
  unsigned streams() const { return streams_; }

 private:
  void Run();
  WireMessage AnswerTo(const Message& query);

  uint16_t port_ = 0;
  int datagrams_;
  int listener_;
  std::atomic<bool> is_over_{false};
  std::atomic<unsigned> queries_{0};
  std::atomic<unsigned> streams_{0};
  std::mutex mutex_;
  std::map<std::pair<std::string, RecordType>, std::vector<WireRecord>> zone_;
  std::thread thread_;
};

}  // namespace byon::dns::test
