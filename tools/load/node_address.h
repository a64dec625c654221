#pragma once

#include <string>

namespace byon::load {

// Where a dataplane serves and how it is spoken to.
struct NodeAddress {
  std::string target = "127.0.0.1:50051";  // host:port or unix:/path
  // PEM; without a CA the channel is not protected.
  std::string ca_file, certificate_file, key_file;
};

}  // namespace byon::load
