#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "controlplane/api/exchange.h"

namespace byon::api {

// The part of a list that is asked for (CAMARA API design guide, section "Pagination"): `page` counts from 0, `perPage`
// is how many there are on one, `seek` skips further ones.
struct Page {
  static constexpr size_t kMaxPerPage = 1000;

  size_t first = 0;
  size_t per_page = kMaxPerPage;  // 1 to kMaxPerPage

  // Nothing after the error was answered.
  static std::optional<Page> Of(const ExchangePointer& exchange);
};

// Answers with items `page.first`... of `total`: 200 when these are all, else 206; 400 OUT_OF_RANGE beyond the last.
// X-Total-Count, Content-Last-Key (`last_key`, that of the last item) and, of a part, Link with next, prev, first and
// last (RFC 8288) say what more there is.
void SendPage(const Exchange& exchange, const Page& page, const nlohmann::json& items, size_t total,
              const std::string& last_key);

}  // namespace byon::api
