#include "controlplane/dns/resolver.h"

#include <sys/random.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "dataplane/base/check.h"

namespace byon::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

namespace {

constexpr int kMaxAliases = 8;
constexpr size_t kMaxMessageBytes = 65535;

}  // namespace

uint32_t RandomBelow(uint32_t bound) {
  if (bound == 0) return 0;
  uint64_t value = 0;
  BYON_CHECK(getrandom(&value, sizeof value, 0) == sizeof value, "the kernel gives no random bytes");
  return static_cast<uint32_t>(value % bound);
}

std::string_view ToString(DropReason reason) {
  switch (reason) {
    case DropReason::kMalformed: return "malformed";
    case DropReason::kNotAResponse: return "not_a_response";
    case DropReason::kWrongId: return "wrong_id";
    case DropReason::kWrongQuestion: return "wrong_question";
    case DropReason::kServerFailure: return "server_failure";
    case DropReason::kCount: break;
  }
  return "unknown";
}

// One question and all who wait for its answer. Its operations keep it alive; what they do after Cancel() is nothing.
class Resolver::Query : public std::enable_shared_from_this<Query> {
 public:
  Query(Resolver& resolver, Key key)
      : resolver_(&resolver),
        key_(std::move(key)),
        asked_(key_.first),
        datagrams_(resolver.strand_),
        stream_(resolver.strand_),
        timer_(resolver.strand_),
        buffer_(kMaxMessageBytes) {}

  std::vector<Handler> handlers;

  void Start() { TryNext(); }
  void Cancel() {
    resolver_ = nullptr;
    CloseSockets();
    timer_.cancel();
  }

 private:
  const ServerList& servers() const { return resolver_->servers_; }

  void CloseSockets() {
    ErrorCode ignored;
    datagrams_.close(ignored);
    stream_.close(ignored);
  }

  // A callback of this attempt only: a late one of an earlier attempt does nothing.
  template <typename Run>
  auto OfThisAttempt(Run run) {
    return [self = shared_from_this(), started = attempts_started_, run](const auto&... arguments) {
      if (self->resolver_ != nullptr && self->attempts_started_ == started) run(*self, arguments...);
    };
  }

  void TryNext() {
    CloseSockets();
    ++attempts_started_;
    ++attempt_;
    const auto& list = servers();
    if (attempt_ > list.servers.size() * list.attempts) return Finish({});
    server_ = list.servers[(attempt_ - 1) % list.servers.size()];
    id_ = static_cast<uint16_t>(RandomBelow(0x10000));
    const auto query = WriteQuery(id_, asked_, key_.second);
    if (!query) return Finish({});
    query_ = *query;
    timer_.expires_after(list.timeout);
    timer_.async_wait(OfThisAttempt([](Query& self, const ErrorCode& error) {
      if (!error) self.TryNext();
    }));
    SendDatagram();
  }

  void SendDatagram() {
    ErrorCode error;
    const udp::endpoint server(asio::ip::make_address(server_.address, error), server_.port);
    if (!error) datagrams_.open(server.protocol(), error);
    // Connected: the kernel hands over what comes from this server only.
    if (!error) datagrams_.connect(server, error);
    if (!error) datagrams_.send(asio::buffer(query_), 0, error);
    if (error) return;  // the timer goes on to the next; a server that is not there must not be asked in a loop
    ReceiveDatagram();
  }

  void ReceiveDatagram() {
    datagrams_.async_receive(asio::buffer(buffer_), OfThisAttempt([](Query& self, const ErrorCode& error, size_t size) {
                               if (error) return;  // refused by ICMP, say: wait for the timer
                               self.HandleDatagram(base::ByteSpan(self.buffer_).first(size));
                             }));
  }

  void HandleDatagram(base::ByteSpan bytes) {
    const auto message = Accept(bytes);
    // Whoever guesses must not end the wait for the real answer.
    if (!message) return ReceiveDatagram();
    if (message->is_truncated) return AskByStream();
    HandleMessage(*message);
  }

  // RFC 1035 section 4.2.2: each message behind its length.
  void AskByStream() {
    ErrorCode error;
    datagrams_.close(error);
    const tcp::endpoint server(asio::ip::make_address(server_.address, error), server_.port);
    stream_.async_connect(server, OfThisAttempt([](Query& self, const ErrorCode& failed) {
                            if (!failed) self.WriteStream();
                          }));
  }

  void WriteStream() {
    const auto size = static_cast<uint16_t>(query_.size());
    framed_ = {static_cast<std::byte>(size >> 8), static_cast<std::byte>(size & 0xff)};
    framed_.insert(framed_.end(), query_.begin(), query_.end());
    asio::async_write(stream_, asio::buffer(framed_), OfThisAttempt([](Query& self, const ErrorCode& error, size_t) {
                        if (!error) self.ReadStream();
                      }));
  }

  void ReadStream() {
    asio::async_read(stream_, asio::buffer(buffer_, 2), OfThisAttempt([](Query& self, const ErrorCode& error, size_t) {
                       if (error) return self.TryNext();
                       const size_t size =
                           std::to_integer<size_t>(self.buffer_[0]) << 8 | std::to_integer<size_t>(self.buffer_[1]);
                       self.ReadStreamMessage(size);
                     }));
  }

  void ReadStreamMessage(size_t size) {
    asio::async_read(stream_, asio::buffer(buffer_, size),
                     OfThisAttempt([](Query& self, const ErrorCode& error, size_t read) {
                       if (error) return self.TryNext();
                       const auto message = self.Accept(base::ByteSpan(self.buffer_).first(read));
                       if (!message || message->is_truncated) return self.TryNext();
                       self.HandleMessage(*message);
                     }));
  }

  std::optional<Message> Accept(base::ByteSpan bytes) {
    auto message = ParseMessage(bytes);
    std::optional<DropReason> reason;
    if (!message) {
      reason = DropReason::kMalformed;
    } else if (!message->is_response) {
      reason = DropReason::kNotAResponse;
    } else if (message->id != id_) {
      reason = DropReason::kWrongId;
    } else if (message->question_name != asked_ || message->question_type != static_cast<uint16_t>(key_.second)) {
      reason = DropReason::kWrongQuestion;
    }
    if (!reason) return message;
    resolver_->Drop(*reason);
    return std::nullopt;
  }

  void HandleMessage(const Message& message) {
    Reading reading = ReadAnswer(message, asked_, key_.second);
    if (!reading.alias.empty() && ++aliases_ <= kMaxAliases) {
      asked_ = std::move(reading.alias);
      ttl_ = std::min(ttl_, reading.answer.ttl);
      attempt_ = 0;
      return TryNext();
    }
    if (reading.answer.kind == Answer::Kind::kFailed) {
      resolver_->Drop(DropReason::kServerFailure);
      return TryNext();
    }
    reading.answer.ttl = std::min(ttl_, reading.answer.ttl);
    Finish(std::move(reading.answer));
  }

  void Finish(Answer answer) {
    timer_.cancel();
    CloseSockets();
    resolver_->Finish(key_, std::move(answer));
  }

  Resolver* resolver_;  // null: cancelled
  const Key key_;
  std::string asked_;  // the name, or what it is an alias of
  udp::socket datagrams_;
  tcp::socket stream_;
  asio::steady_timer timer_;
  std::vector<std::byte> buffer_;
  std::vector<std::byte> query_;
  std::vector<std::byte> framed_;
  Server server_;
  size_t attempt_ = 0;  // for the name that is asked for now
  uint64_t attempts_started_ = 0;
  int aliases_ = 0;
  uint16_t id_ = 0;
  std::chrono::seconds ttl_{86400};
};

Resolver::Resolver(asio::any_io_executor strand, ServerList servers)
    : strand_(std::move(strand)), servers_(std::move(servers)) {
  BYON_CHECK(!servers_.servers.empty(), "nobody to ask");
}

Resolver::~Resolver() {
  *is_alive_ = false;
  for (auto& [key, query] : queries_) query->Cancel();
}

void Resolver::Resolve(const std::string& name, RecordType type, Handler handler) {
  Key key(name, type);
  for (char& c : key.first) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto later = [this](Handler run, Answer answer) {
    asio::post(strand_, [is_alive = is_alive_, run = std::move(run), answer = std::move(answer)] {
      if (*is_alive) run(answer);
    });
  };
  if (!IsHostName(name)) return later(std::move(handler), {});
  if (auto known = cache_.Find(key.first, type, Clock::now())) return later(std::move(handler), std::move(*known));
  auto& query = queries_[key];
  const bool is_new = query == nullptr;
  if (is_new) query = std::make_shared<Query>(*this, key);
  query->handlers.push_back(std::move(handler));
  if (!is_new) return;
  asio::post(strand_, [is_alive = is_alive_, started = query] {
    if (*is_alive) started->Start();
  });
}

void Resolver::Finish(const Key& key, Answer answer) {
  const auto query = queries_.extract(key).mapped();
  cache_.Insert(key.first, key.second, answer, Clock::now());
  query->Cancel();
  const auto is_alive = is_alive_;
  for (const Handler& handler : query->handlers) {
    if (*is_alive) handler(answer);
  }
}

}  // namespace byon::dns
