#pragma once

#include <string>
#include <string_view>

namespace byon::api {

// What a request asks for, by the name of its command where it has one ("call.create"), whatever release it speaks:
// "subscription.create", "page.config", "health" and such for the rest; "other" for what is no operation. There are no
// more names than operations, so that they may label a counter. `api_root`: path prefix of the API.
std::string_view OperationName(std::string_view method, std::string_view path, std::string_view api_root);

}  // namespace byon::api
