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
