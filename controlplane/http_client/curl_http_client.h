#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "controlplane/http_client/http_client.h"

namespace byon::http_client {

// HttpClient on libcurl's multi interface, driven by Asio: connections are pooled, nothing blocks. All
// methods and callbacks on `executor`, which must be a strand or a single thread.
class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(boost::asio::any_io_executor executor, size_t max_concurrent = 512);
  // Requests under way end without a callback.
  ~CurlHttpClient() override;
  CurlHttpClient(const CurlHttpClient&) = delete;
  CurlHttpClient& operator=(const CurlHttpClient&) = delete;

  void Send(Request request, std::function<void(Result)> done) override;

 private:
  class Multi;
  std::shared_ptr<Multi> multi_;
};

}  // namespace byon::http_client
