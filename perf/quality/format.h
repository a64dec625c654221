#pragma once

#include <string>

namespace byon::quality {

// printf into a string.
__attribute__((format(printf, 1, 2))) std::string Format(const char* format, ...);

}  // namespace byon::quality
