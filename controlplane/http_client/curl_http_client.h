#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "controlplane/http_client/http_client.h"

namespace byon::http_client {

// HttpClient on libcurl's multi interface, driven by Asio: connections are pooled, nothing blocks. All
// methods and callbacks on `executor`, which must be a strand or a single thread.
class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient(boost::asio::any_io_executor executor, size_t max_concurrent);
  // File descriptors that such a client has open at most: a request's look-up of a name takes three, two attempts to
  // connect take two; what is pooled afterwards; the library's own.
  static constexpr size_t OpenFilesOf(size_t max_concurrent) { return 3 * max_concurrent + kMaxPooled + 8; }
  // Requests under way end without a callback.
  ~CurlHttpClient() override;
  CurlHttpClient(const CurlHttpClient&) = delete;
  CurlHttpClient& operator=(const CurlHttpClient&) = delete;

  void Send(Request request, std::function<void(Result)> done) override;

 private:
  static constexpr size_t kMaxPooled = 64;  // connections that wait for the next request
  class Multi;
  std::shared_ptr<Multi> multi_;
};

}  // namespace byon::http_client
