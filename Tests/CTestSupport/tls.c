// SPDX-License-Identifier: Apache-2.0

#include "CTestSupport.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct testsupport_tls {
    SSL_CTX *context;
    SSL *ssl;
};

static bool trust(SSL_CTX *context, const char *authority) {
    BIO *bio = BIO_new_mem_buf(authority, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bool is_trusted = certificate != NULL && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1;
    X509_free(certificate);
    return is_trusted;
}

static bool show(SSL_CTX *context, const char *certificate_text, const char *key_text) {
    if (certificate_text == NULL) return true;
    BIO *bio = BIO_new_mem_buf(certificate_text, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(key_text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bool is_shown = SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_shown;
}

struct testsupport_tls *testsupport_tls_make(
    const char *authority, const char *certificate, const char *key, const uint8_t *protocols, unsigned protocols_count) {
    struct testsupport_tls *tls = calloc(1, sizeof *tls);
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!trust(tls->context, authority) || !show(tls->context, certificate, key)) {
        testsupport_tls_free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    if (protocols_count > 0) SSL_CTX_set_alpn_protos(tls->context, protocols, protocols_count);
    tls->ssl = SSL_new(tls->context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), "127.0.0.1");
    SSL_set_bio(tls->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void testsupport_tls_free(struct testsupport_tls *tls) {
    if (tls == NULL) return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    free(tls);
}

// What a call came to; `result` is what it returned.
static int outcome(struct testsupport_tls *tls, int result) {
    switch (SSL_get_error(tls->ssl, result)) {
        case SSL_ERROR_NONE: return result;
        case SSL_ERROR_WANT_READ: return TESTSUPPORT_TLS_WAITS;
        case SSL_ERROR_ZERO_RETURN: return TESTSUPPORT_TLS_ENDED;
        default: return TESTSUPPORT_TLS_FAILED;
    }
}

int testsupport_tls_shake_hands(struct testsupport_tls *tls) {
    ERR_clear_error();
    return outcome(tls, SSL_do_handshake(tls->ssl));
}

int testsupport_tls_write(struct testsupport_tls *tls, const uint8_t *bytes, int count) {
    ERR_clear_error();
    return outcome(tls, SSL_write(tls->ssl, bytes, count));
}

int testsupport_tls_read(struct testsupport_tls *tls, uint8_t *bytes, int count_max) {
    ERR_clear_error();
    return outcome(tls, SSL_read(tls->ssl, bytes, count_max));
}

void testsupport_tls_end(struct testsupport_tls *tls) { SSL_shutdown(tls->ssl); }

void testsupport_tls_receive(struct testsupport_tls *tls, const uint8_t *bytes, int count) {
    BIO_write(SSL_get_rbio(tls->ssl), bytes, count);
}

int testsupport_tls_take(struct testsupport_tls *tls, uint8_t *bytes, int count_max) {
    int count = BIO_read(SSL_get_wbio(tls->ssl), bytes, count_max);
    return count > 0 ? count : 0;
}

char *testsupport_tls_error(void) {
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    return strdup(text);
}
