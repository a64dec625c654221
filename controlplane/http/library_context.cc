#include "controlplane/http/library_context.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace byon::http {
namespace {

// Each WebSocket has a buffer of this size for what is read at once; messages are put together from such pieces.
constexpr size_t kFragmentBytes = 1024;

}  // namespace

LibraryContext::LibraryContext(const HttpServerConfig& config, void* loop, lws_callback_function* callback,
                               size_t per_connection_bytes, void* user) {
  protocols_.push_back({"http", callback, per_connection_bytes, 0, 0, nullptr, 0});
  for (const std::string& name : config.subprotocols) {
    protocols_.push_back(
        {name.c_str(), callback, per_connection_bytes, kFragmentBytes, 0, nullptr, config.websocket_queue_bytes});
  }
  protocols_.push_back({});

  lws_context_creation_info info{};
  info.user = user;
  info.port = config.port;
  info.iface = config.address.c_str();
  info.protocols = protocols_.data();
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  info.alpn = "http/1.1";
  std::array<void*, 1> loops{loop};
  info.foreign_loops = loops.data();
  info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                 LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                 (config.address.find(':') == std::string::npos ? LWS_SERVER_OPTION_DISABLE_IPV6 : 0);
  info.max_http_header_data2 = static_cast<unsigned>(config.header_bytes);
  info.timeout_secs = static_cast<unsigned>(std::max(config.header_timeout, config.body_timeout).count());
  info.timeout_secs_ah_idle = static_cast<unsigned>(config.header_timeout.count());
  info.keepalive_timeout = static_cast<int>(config.idle_timeout.count());
  info.retry_and_idle_policy = &retry_;
  if (!config.tls.empty()) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = config.tls.front().certificate_file.c_str();
    info.ssl_private_key_filepath = config.tls.front().private_key_file.c_str();
    // BCP 195 (RFC 9325 sections 3.1.1 and 4.2): no version below 1.2, and there only what is authenticated and secret
    // afterwards too.
    info.ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
    info.ssl_cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20";
  }
  lws_set_log_level(0, nullptr);
  context_ = lws_create_context(&info);
  if (context_ == nullptr) {
    throw std::runtime_error("http.listen " + config.address + ":" + std::to_string(config.port) +
                             " cannot be used: the address must be this host's, the port free.");
  }
  port_ = static_cast<uint16_t>(lws_get_vhost_listen_port(lws_get_vhost_by_name(context_, "default")));
}

void LibraryContext::Close() {
  if (context_ != nullptr) lws_context_destroy(std::exchange(context_, nullptr));
}

}  // namespace byon::http
