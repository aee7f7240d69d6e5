// SPDX-License-Identifier: Apache-2.0

#include "CTestSupport.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
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

static X509 *read_certificate(BIO *bio) { return PEM_read_bio_X509(bio, NULL, NULL, NULL); }

// The private key under another public key, since OpenSSL takes no pair that does not match. P-256 only.
static EVP_PKEY *disguise(EVP_PKEY *key, const X509 *certificate) {
    BIGNUM *number = NULL;
    uint8_t point[256];
    size_t point_count = 0;
    EVP_PKEY *result = NULL;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number);
    EVP_PKEY_get_octet_string_param(
        X509_get0_pubkey(certificate), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &point_count);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, point_count);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY_fromdata_init(maker);
    EVP_PKEY_fromdata(maker, &result, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(number);
    return result;
}

static bool show(SSL_CTX *context, const struct testsupport_tls_client *client) {
    if (client->certificate == NULL) return true;
    BIO *bio = BIO_new_mem_buf(client->certificate, -1);
    X509 *certificate = read_certificate(bio);
    BIO_free(bio);
    bio = BIO_new_mem_buf(client->key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (certificate != NULL && key != NULL && X509_check_private_key(certificate, key) != 1) {
        EVP_PKEY *own = key;
        key = disguise(own, certificate);
        EVP_PKEY_free(own);
    }
    bool is_shown = SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (client->others == NULL) return is_shown;
    bio = BIO_new_mem_buf(client->others, -1);
    while (is_shown && (certificate = read_certificate(bio)) != NULL) {
        is_shown = SSL_CTX_add_extra_chain_cert(context, certificate) == 1; // Takes it over.
    }
    BIO_free(bio);
    return is_shown;
}

struct testsupport_tls *testsupport_tls_make(const struct testsupport_tls_client *client) {
    struct testsupport_tls *tls = calloc(1, sizeof *tls);
    tls->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(tls->context, 0); // The client's own key may be weak.
    SSL_CTX_set_mode(tls->context, SSL_MODE_NO_AUTO_CHAIN);
    if (!trust(tls->context, client->authority) || !show(tls->context, client)) {
        testsupport_tls_free(tls);
        return NULL;
    }
    if (client->version != 0) {
        SSL_CTX_set_min_proto_version(tls->context, client->version);
        SSL_CTX_set_max_proto_version(tls->context, client->version);
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    if (client->protocols_count > 0) {
        SSL_CTX_set_alpn_protos(tls->context, client->protocols, client->protocols_count);
    }
    tls->ssl = SSL_new(tls->context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), "127.0.0.1");
    SSL_set_bio(tls->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls->ssl);
    if (client->session != NULL) SSL_set_session(tls->ssl, (SSL_SESSION *)client->session);
    return tls;
}

struct testsupport_tls_session *testsupport_tls_take_session(struct testsupport_tls *tls) {
    SSL_SESSION *session = SSL_get_session(tls->ssl);
    if (session == NULL || !SSL_SESSION_is_resumable(session)) return NULL;
    // A connection that is cut spoils its session, but not the copy.
    return (struct testsupport_tls_session *)SSL_SESSION_dup(session);
}

void testsupport_tls_session_free(struct testsupport_tls_session *session) { SSL_SESSION_free((SSL_SESSION *)session); }

bool testsupport_tls_is_resumed(struct testsupport_tls *tls) { return SSL_session_reused(tls->ssl) == 1; }

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
