#include "controlplane/api/paging.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"

namespace byon::api {

using nlohmann::json;

namespace {

// No list is so long; two of them multiplied are a size_t still.
constexpr size_t kMaxNumber = 1'000'000'000;

// Nothing when it is there and no number up to `max`.
std::optional<size_t> Number(const std::string& query, const char* name, size_t if_absent, size_t max) {
  if (!HasQuery(query, name)) return if_absent;
  const std::string text = QueryValue(query, name).value_or("");
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && number <= max ? std::optional(number) : std::nullopt;
}

// The same request for another part: other parameters stay as they came.
std::string Target(const HttpRequest& request, size_t page, size_t per_page) {
  std::string kept;
  std::string_view query = request.query;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    const std::string_view name = part.substr(0, part.find('='));
    if (!part.empty() && name != "page" && name != "perPage" && name != "seek") kept.append(part) += '&';
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return request.path + "?" + kept + "page=" + std::to_string(page) + "&perPage=" + std::to_string(per_page);
}

std::string Links(const HttpRequest& request, const Page& page, size_t total) {
  const size_t last = (total - 1) / page.per_page;
  const size_t current = page.first / page.per_page;
  std::string links;
  const auto add = [&](const char* relation, size_t number) {
    if (!links.empty()) links += ", ";
    links += "<" + Target(request, number, page.per_page) + ">; rel=\"" + relation + '"';
  };
  // After a seek pages do not follow each other; what is not counted in pages has no next one.
  if (page.first % page.per_page == 0) {
    if (current < last) add("next", current + 1);
    if (current > 0) add("prev", current - 1);
  }
  add("first", 0);
  add("last", last);
  return links;
}

}  // namespace

std::optional<Page> Page::Of(const ExchangePointer& exchange) {
  const std::string& query = exchange->request.query;
  const auto number = Number(query, "page", 0, kMaxNumber);
  const auto per_page = Number(query, "perPage", kMaxPerPage, kMaxPerPage);
  const auto seek = Number(query, "seek", 0, kMaxNumber);
  if (!number || !seek || !per_page || *per_page == 0) {
    exchange->Fail(InvalidArgument(!per_page || *per_page == 0
                                       ? "The query parameter perPage must be a number from 1 to 1000."
                                   : !number ? "The query parameter page must be a number from 0."
                                             : "The query parameter seek must be a number from 0."));
    return std::nullopt;
  }
  return Page{*number * *per_page + *seek, *per_page};
}

void SendPage(const Exchange& exchange, const Page& page, const json& items, size_t total,
              const std::string& last_key) {
  if (page.first > 0 && page.first >= total) {
    return exchange.Fail(ErrorOf({gateway::ErrorCode::kOutOfRange, "The list ends before this page."}));
  }
  const bool is_whole = items.size() == total;
  HttpResponse response =
      JsonResponse(is_whole ? 200 : 206, items.dump(-1, ' ', false, json::error_handler_t::replace));
  response.headers.emplace_back("X-Total-Count", std::to_string(total));
  if (!last_key.empty()) response.headers.emplace_back("Content-Last-Key", last_key);
  if (!is_whole) response.headers.emplace_back("Link", Links(exchange.request, page, total));
  exchange.Send(std::move(response));
}

}  // namespace byon::api
