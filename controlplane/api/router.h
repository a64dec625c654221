#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controlplane/api/exchange.h"

namespace byon::api {

// One operation of the API.
struct Route {
  std::string method;
  std::string pattern;     // "/webrtc-registration/v0.4/sessions/{id}"
  std::string scope;       // empty: the handler checks
  bool is_public = false;  // no token
  Dialect dialect;
  std::function<void(const ExchangePointer&)> handle;
  bool is_for_visitors = false;  // of click to call, whatever scopes their tokens have
};

// Finds the operation for a request.
class Router {
 public:
  explicit Router(std::string root) : root_(std::move(root)) {}
  void Add(Route route);

  struct Match {
    const Route* route = nullptr;      // null: see the next two
    std::vector<std::string> ids;      // decoded; one may be empty: "/sessions/"
    std::vector<std::string> allowed;  // methods at this path; empty: nothing is there
    bool is_malformed = false;         // broken percent signs
  };
  Match Find(const std::string& method, const std::string& path) const;

 private:
  struct Entry {
    std::vector<std::string> segments;
    Route route;
  };
  const std::string root_;
  std::vector<Entry> entries_;
};

}  // namespace byon::api
