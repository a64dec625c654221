#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "controlplane/api/object_reader.h"
#include "controlplane/emergency/location.h"

namespace byon::api {

// Where a caller is: CAMARA's LocationDetails, with `civicAddress` as our extension (RFC 5139 names). The first mistake
// goes to `mistakes`; what is returned then is not to be used.
[[nodiscard]] emergency::Location ReadCallerLocation(const nlohmann::json& details, const std::string& path,
                                                     Mistakes& mistakes);

}  // namespace byon::api
