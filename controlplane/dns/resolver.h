#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/dns/answer.h"
#include "controlplane/dns/cache.h"
#include "controlplane/dns/server_list.h"

namespace byon::dns {

// Why a datagram or stream of a name server was not taken.
enum class DropReason : uint8_t {
  kMalformed,
  kNotAResponse,
  kWrongId,  // somebody guesses, or an answer to an earlier question
  kWrongQuestion,
  kServerFailure,  // the server says that it cannot say: the next one is asked
  kCount,
};
std::string_view ToString(DropReason reason);

// Asks name servers: UDP from a fresh port with a random id for each attempt (RFC 5452), TCP where the answer was cut
// off (RFC 7766), each server in turn until one answers; the same question at the same time is asked once. Lives on one
// strand; handlers run on it, never inside Resolve.
class Resolver {
 public:
  using Handler = std::function<void(const Answer&)>;

  Resolver(boost::asio::any_io_executor strand, ServerList servers);
  // No handler runs any more.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `name` that is no host name: failed.
  void Resolve(const std::string& name, RecordType type, Handler handler);
  uint64_t dropped(DropReason reason) const { return dropped_[static_cast<size_t>(reason)]; }

 private:
  class Query;
  using Key = std::pair<std::string, RecordType>;

  void Finish(const Key& key, Answer answer);
  void Drop(DropReason reason) { ++dropped_[static_cast<size_t>(reason)]; }

  boost::asio::any_io_executor strand_;
  const ServerList servers_;
  Cache cache_;
  std::map<Key, std::shared_ptr<Query>> queries_;
  std::array<uint64_t, static_cast<size_t>(DropReason::kCount)> dropped_{};
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

// Uniform below `bound` (0: 0), from the kernel.
uint32_t RandomBelow(uint32_t bound);

}  // namespace byon::dns
