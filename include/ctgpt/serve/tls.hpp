// tls: a certificate and its key, as connections use them.
//
//   const tls_context secure = load_certificate("cert.pem", "key.pem");
//
// TLS 1.2 and newer. A context that a connection began with stays until it ends, so that another
// can take its place at any time.
// Errors: a file that cannot be read, a key that is not the certificate's: error, one sentence.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

using tls_context = std::shared_ptr<SSL_CTX>;  // nullptr: none

// certificate: PEM, with those of the authorities after it.
inline tls_context load_certificate(const std::string& certificate, const std::string& key) {
  tls_context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  expects(context != nullptr, "OpenSSL cannot begin: not enough memory");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const auto reason = [] {
    const char* words = ERR_reason_error_string(ERR_peek_last_error());
    std::string text = words != nullptr ? words : "unknown";
    ERR_clear_error();
    return text;
  };
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
    fail(certificate, ": this is no certificate in PEM form (", reason(), ")");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    fail(key, ": this is not the private key of ", certificate, " in PEM form (", reason(), ")");
  }
  return context;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
