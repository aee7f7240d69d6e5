// SPDX-License-Identifier: Apache-2.0

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// A parameter keeps a pointer to its name, which a C string made of a Swift literal does not outlive.
static inline int keyside_mac_set_digest(EVP_MAC_CTX *context, const char *digest) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(context, parameters);
}

// RFC 2253, but with letters beyond ASCII as UTF-8. The flags are macros that Swift does not import.
static inline int keyside_name_print(BIO *output, const X509_NAME *name) {
    return X509_NAME_print_ex(output, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

// A new key on the curve P-256; EVP_EC_gen is a macro for a variadic function.
static inline EVP_PKEY *keyside_p256_make(void) { return EVP_EC_gen("P-256"); }

// What an error says. Its codes are macros that Swift does not import.
static inline int keyside_is_out_of_memory(unsigned long error) {
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

static inline int keyside_is_unsupported(unsigned long error) {
    int reason = ERR_GET_REASON(error);
    return reason == ERR_R_UNSUPPORTED
        || (ERR_GET_LIB(error) == ERR_LIB_EVP
            && (reason == EVP_R_UNKNOWN_PBE_ALGORITHM || reason == EVP_R_UNSUPPORTED_CIPHER
                || reason == EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION || reason == EVP_R_UNSUPPORTED_PRF));
}

// Options are macros that Swift does not import.

static inline void keyside_tls_set_options(SSL_CTX *context) {
    // A client that closes without saying so is no attack: HTTP's messages say themselves where they end.
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT
            | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(
        context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
}

static inline void keyside_tls_forbid_tickets(SSL_CTX *context) { SSL_CTX_set_options(context, SSL_OP_NO_TICKET); }

static inline int keyside_tls_is_plain_http(unsigned long error) {
    return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
}
