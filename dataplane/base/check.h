#pragma once

#include <cstdio>
#include <cstdlib>

// CHECK is for mistakes of our own only: what a peer or an operator does wrong is answered, counted
// or refused, never aborted on.
#define BYON_CHECK(condition, reason)                                                                   \
  do {                                                                                                  \
    if (!(condition)) [[unlikely]] {                                                                    \
      std::fprintf(stderr, "CHECK failed at %s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, reason); \
      std::abort();                                                                                     \
    }                                                                                                   \
  } while (false)
