#pragma once

#include <string>

#include "dataplane/dtls/fingerprint.h"

struct x509_st;

namespace byon::dtls {

// Takes the oldest sentence from OpenSSL's error queue and empties the queue.
std::string TakeOpenSslError();

DtlsFingerprint FingerprintOf(x509_st* certificate, FingerprintAlgorithm algorithm);

}  // namespace byon::dtls
