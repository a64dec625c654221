#include "controlplane/http_client/curl_http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>

#include "controlplane/http_client/address_filter.h"

namespace byon::http_client {
namespace {

namespace asio = boost::asio;

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One request under way. Lives until libcurl is done with it.
struct Transfer {
  Request request;
  std::function<void(Result)> done;
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> headers;
  std::string body;
  bool was_refused = false;
  bool is_too_large = false;
};

size_t TakeBody(char* data, size_t, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  if (transfer->body.size() + size > transfer->request.max_response_bytes) {
    transfer->is_too_large = true;
    return 0;
  }
  transfer->body.append(data, size);
  return size;
}

// The place where an address is known for sure, whatever the name server said before.
curl_socket_t OpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
  auto* transfer = static_cast<Transfer*>(user);
  if (!transfer->request.may_use_private_addresses && !IsPublicAddress(address->addr)) {
    transfer->was_refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Failure FailureOf(const Transfer& transfer, CURLcode code) {
  if (transfer.was_refused) return Failure::kRefusedAddress;
  if (transfer.is_too_large) return Failure::kTooLarge;
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return Failure::kBadUrl;
    case CURLE_OPERATION_TIMEDOUT: return Failure::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: return Failure::kTls;
    default: return Failure::kUnreachable;
  }
}

void Configure(Transfer& transfer) {
  CURL* easy = transfer.easy.get();
  const Request& request = transfer.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // a proxy would connect where our filter does not look
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(request.may_use_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  // Rather a short wait for a connection under way than one more handshake.
  if (request.may_use_http2) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  if (!request.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  // A pooled connection was checked under the rule of whoever opened it, so the strict never share it.
  if (!request.may_use_private_addresses) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  if (!request.may_use_private_addresses) curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, (name + ": " + value).c_str());
  }
  list = curl_slist_append(list, "Expect:");
  transfer.headers.reset(list);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  if (request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
}

bool HasLineBreak(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

const char* ToString(Failure failure) {
  switch (failure) {
    case Failure::kBadUrl: return "bad URL";
    case Failure::kRefusedAddress: return "address not allowed";
    case Failure::kUnreachable: return "unreachable";
    case Failure::kTls: return "TLS failed";
    case Failure::kTimeout: return "timeout";
    case Failure::kTooLarge: return "answer too large";
    case Failure::kBusy: return "too many requests under way";
  }
  return "unknown";
}

class CurlHttpClient::Multi : public std::enable_shared_from_this<CurlHttpClient::Multi> {
 public:
  Multi(asio::any_io_executor executor, size_t max_concurrent)
      : executor_(std::move(executor)), timer_(executor_), max_concurrent_(max_concurrent) {
    static const CURLcode is_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)is_ready;
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kMaxPooled));
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, 16L);
  }

  void Close() {
    timer_.cancel();
    for (auto& [raw, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->easy.get());
    transfers_.clear();
    curl_multi_cleanup(multi_);
    multi_ = nullptr;
    for (auto& [fd, watch] : watches_) watch->Forget();
    watches_.clear();
  }

  void Send(Request request, std::function<void(Result)> done) {
    if (HasLineBreak(request)) return Refuse(Failure::kBadUrl, std::move(done));
    if (transfers_.size() >= max_concurrent_ || !TakePlace(request)) return Refuse(Failure::kBusy, std::move(done));
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    transfer->easy.reset(curl_easy_init());
    Configure(*transfer);
    CURL* easy = transfer->easy.get();
    transfers_.emplace(easy, std::move(transfer));
    curl_multi_add_handle(multi_, easy);
  }

 private:
  // A descriptor that libcurl wants watched. It stays libcurl's own: released, never closed, here.
  struct Watch {
    explicit Watch(const asio::any_io_executor& executor, curl_socket_t fd) : descriptor(executor, fd) {}
    void Forget() {
      is_alive = false;
      descriptor.release();
    }
    asio::posix::stream_descriptor descriptor;
    int wanted = 0;
    bool is_reading = false;
    bool is_writing = false;
    bool is_alive = true;
  };

  bool TakePlace(const Request& request) {
    if (request.account.empty()) return true;
    size_t& count = of_accounts_[request.account];
    if (count >= request.max_of_account) return false;
    ++count;
    return true;
  }
  void GiveBackPlace(const std::string& account) {
    const auto it = of_accounts_.find(account);
    if (it != of_accounts_.end() && --it->second == 0) of_accounts_.erase(it);
  }

  void Refuse(Failure failure, std::function<void(Result)> done) {
    asio::post(executor_, [failure, done = std::move(done)] { done(failure); });
  }

  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    static_cast<Multi*>(self)->WatchSocket(fd, what);
    return 0;
  }

  void WatchSocket(curl_socket_t fd, int what) {
    auto it = watches_.find(fd);
    if (what == CURL_POLL_REMOVE) {
      if (it != watches_.end()) {
        it->second->Forget();
        watches_.erase(it);
      }
      return;
    }
    if (it == watches_.end()) it = watches_.emplace(fd, std::make_shared<Watch>(executor_, fd)).first;
    it->second->wanted = what;
    Arm(fd, it->second);
  }

  void Arm(curl_socket_t fd, const std::shared_ptr<Watch>& watch) {
    if ((watch->wanted & CURL_POLL_IN) != 0 && !watch->is_reading) {
      watch->is_reading = true;
      watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [self = shared_from_this(), fd, watch](const boost::system::error_code& error) {
                                     watch->is_reading = false;
                                     self->OnReady(fd, watch, CURL_CSELECT_IN, CURL_POLL_IN, error);
                                   });
    }
    if ((watch->wanted & CURL_POLL_OUT) != 0 && !watch->is_writing) {
      watch->is_writing = true;
      watch->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                   [self = shared_from_this(), fd, watch](const boost::system::error_code& error) {
                                     watch->is_writing = false;
                                     self->OnReady(fd, watch, CURL_CSELECT_OUT, CURL_POLL_OUT, error);
                                   });
    }
  }

  void OnReady(curl_socket_t fd, const std::shared_ptr<Watch>& watch, int ready, int poll,
               const boost::system::error_code& error) {
    if (multi_ == nullptr || !watch->is_alive || error == asio::error::operation_aborted) return;
    if ((watch->wanted & poll) == 0) return;
    int running = 0;
    curl_multi_socket_action(multi_, fd, error ? CURL_CSELECT_ERR : ready, &running);
    if (watch->is_alive) Arm(fd, watch);
    Collect();
  }

  static int OnTimer(CURLM*, long timeout_ms, void* user) {
    auto* self = static_cast<Multi*>(user);
    if (timeout_ms < 0) {
      self->timer_.cancel();
      return 0;
    }
    self->timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    self->timer_.async_wait([keep = self->shared_from_this()](const boost::system::error_code& error) {
      if (error || keep->multi_ == nullptr) return;
      int running = 0;
      curl_multi_socket_action(keep->multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      keep->Collect();
    });
    return 0;
  }

  void Collect() {
    int left = 0;
    while (CURLMsg* message = multi_ == nullptr ? nullptr : curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const auto it = transfers_.find(message->easy_handle);
      std::unique_ptr<Transfer> transfer = std::move(it->second);
      transfers_.erase(it);
      GiveBackPlace(transfer->request.account);
      curl_multi_remove_handle(multi_, transfer->easy.get());
      if (code != CURLE_OK) {
        transfer->done(FailureOf(*transfer, code));
        continue;
      }
      long status = 0;
      curl_easy_getinfo(transfer->easy.get(), CURLINFO_RESPONSE_CODE, &status);
      curl_off_t retry_after = 0;
      curl_easy_getinfo(transfer->easy.get(), CURLINFO_RETRY_AFTER, &retry_after);
      transfer->done(Response{static_cast<int>(status), std::move(transfer->body), std::chrono::seconds(retry_after)});
    }
  }

  asio::any_io_executor executor_;
  asio::steady_timer timer_;
  const size_t max_concurrent_;
  CURLM* multi_ = nullptr;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers_;
  std::unordered_map<std::string, size_t> of_accounts_;  // under way
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
};

CurlHttpClient::CurlHttpClient(asio::any_io_executor executor, size_t max_concurrent)
    : multi_(std::make_shared<Multi>(std::move(executor), max_concurrent)) {}
CurlHttpClient::~CurlHttpClient() { multi_->Close(); }
void CurlHttpClient::Send(Request request, std::function<void(Result)> done) {
  multi_->Send(std::move(request), std::move(done));
}

}  // namespace byon::http_client
