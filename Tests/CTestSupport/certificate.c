// SPDX-License-Identifier: Apache-2.0

#include "CTestSupport.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static BIO *open_text(const char *text) { return BIO_new_mem_buf(text, -1); }

// Takes the BIO; the text is the caller's to free.
static char *take_text(BIO *bio) {
    char *bytes = NULL;
    long count = BIO_get_mem_data(bio, &bytes);
    char *text = count > 0 ? strndup(bytes, (size_t)count) : NULL;
    BIO_free(bio);
    return text;
}

static EVP_PKEY *read_key(const char *pem) {
    BIO *bio = open_text(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

static X509 *read_certificate(const char *pem) {
    BIO *bio = open_text(pem);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

static char *write_key(EVP_PKEY *key) {
    if (key == NULL) return NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    EVP_PKEY_free(key);
    return take_text(bio);
}

char *testsupport_key_make(const char *kind) {
    if (strcmp(kind, "RSA") == 0) return write_key(EVP_RSA_gen(2048));
    if (strncmp(kind, "P-", 2) == 0 || strncmp(kind, "secp", 4) == 0) return write_key(EVP_EC_gen(kind));
    return write_key(EVP_PKEY_Q_keygen(NULL, NULL, kind));
}

// Makes `factor` a product of primes of 512 bits, and `order` that of all of them less one.
static void make_long_factor(BIGNUM *factor, BIGNUM *order, int bits, BN_CTX *context) {
    BIGNUM *prime = BN_new();
    BN_one(factor);
    BN_one(order);
    while (BN_num_bits(factor) < bits) {
        BN_generate_prime_ex(prime, 512, 0, NULL, NULL, NULL);
        BN_mul(factor, factor, prime, context);
        BN_sub_word(prime, 1);
        BN_mul(order, order, prime, context);
    }
    BN_free(prime);
}

// OpenSSL computes with two factors and does not ask whether they are prime.
static EVP_PKEY *make_long_rsa_key(unsigned bits, uint64_t exponent) {
    BN_CTX *context = BN_CTX_new();
    BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *order = BN_new(), *coefficient = BN_new();
    BIGNUM *factors[] = {BN_new(), BN_new()}, *orders[] = {BN_new(), BN_new()}, *exponents[] = {BN_new(), BN_new()};
    for (int i = 0; i < 2; i++) make_long_factor(factors[i], orders[i], (int)bits / 2, context);
    BN_mul(n, factors[0], factors[1], context);
    BN_mul(order, orders[0], orders[1], context);
    BN_set_word(e, exponent);
    BN_mod_inverse(d, e, order, context);
    for (int i = 0; i < 2; i++) BN_nnmod(exponents[i], d, orders[i], context);
    BN_mod_inverse(coefficient, factors[1], factors[0], context);

    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, d);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR1, factors[0]);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR2, factors[1]);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT1, exponents[0]);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT2, exponents[1]);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, coefficient);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY_fromdata_init(maker);
    EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    for (int i = 0; i < 2; i++) BN_free(factors[i]), BN_free(orders[i]), BN_free(exponents[i]);
    BN_free(n), BN_free(e), BN_free(d), BN_free(order), BN_free(coefficient);
    BN_CTX_free(context);
    return key;
}

char *testsupport_rsa_key_make(unsigned bits, uint64_t exponent) {
    if (bits > 4096) return write_key(make_long_rsa_key(bits, exponent));
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    BN_set_word(e, exponent);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY_keygen_init(maker);
    EVP_PKEY_CTX_set_rsa_keygen_bits(maker, (int)bits);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(maker, e);
    EVP_PKEY_generate(maker, &key);
    EVP_PKEY_CTX_free(maker);
    BN_free(e);
    return write_key(key);
}

char *testsupport_explicit_curve_key_make(const char *curve) {
    EVP_PKEY *key = EVP_EC_gen(curve);
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT);
    return write_key(key);
}

char *testsupport_key_from_ed25519_seed(const uint8_t *seed) {
    return write_key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32));
}

static void set_name(X509_NAME *name, const char *common_name) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    if (value == NULL) return;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void set_random_serial(X509 *certificate) {
    BIGNUM *number = BN_new();
    BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
}

static const EVP_MD *digest_for(const EVP_PKEY *key) {
    int kind = EVP_PKEY_get_base_id(key);
    return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

char *testsupport_certificate_make(const struct testsupport_certificate *wanted) {
    EVP_PKEY *key = read_key(wanted->key);
    EVP_PKEY *issuer_key = wanted->issuer_key ? read_key(wanted->issuer_key) : key;
    X509 *certificate = X509_new();
    X509 *issuer = wanted->issuer ? read_certificate(wanted->issuer) : certificate;
    char *text = NULL;
    if (key != NULL && issuer_key != NULL && issuer != NULL) {
        X509_set_version(certificate, X509_VERSION_3);
        set_random_serial(certificate);
        set_name(X509_get_subject_name(certificate), wanted->common_name);
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
        ASN1_TIME_set(X509_getm_notBefore(certificate), wanted->not_before);
        ASN1_TIME_set(X509_getm_notAfter(certificate), wanted->not_after);
        X509 *other = wanted->public_key_of ? read_certificate(wanted->public_key_of) : NULL;
        X509_set_pubkey(certificate, other ? X509_get0_pubkey(other) : key);
        X509_free(other);
        add_extension(
            certificate, issuer, NID_basic_constraints, wanted->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
        add_extension(
            certificate, issuer, NID_key_usage,
            wanted->is_authority ? "critical,digitalSignature,keyCertSign,cRLSign" : "critical,digitalSignature");
        add_extension(certificate, issuer, NID_ext_key_usage, wanted->extended_key_usage);
        add_extension(certificate, issuer, NID_subject_alt_name, wanted->alternative_names);
        add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
        BIO *bio = BIO_new(BIO_s_mem());
        if (X509_sign(certificate, issuer_key, digest_for(issuer_key)) > 0) PEM_write_bio_X509(bio, certificate);
        text = take_text(bio);
    }
    if (issuer != certificate) X509_free(issuer);
    if (issuer_key != key) EVP_PKEY_free(issuer_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return text;
}

static void write_hex(char *text, const uint8_t *bytes, size_t count) {
    for (size_t index = 0; index < count; index++) {
        text[2 * index] = "0123456789abcdef"[bytes[index] >> 4];
        text[2 * index + 1] = "0123456789abcdef"[bytes[index] & 15];
    }
    text[2 * count] = 0;
}

static int64_t seconds_since_1970(const ASN1_TIME *time) {
    int days = 0, seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + seconds;
}

bool testsupport_certificate_read(
    const uint8_t *bytes, size_t byte_count, struct testsupport_certificate_facts *facts) {
    const uint8_t *rest = bytes;
    BIO *bio = BIO_new_mem_buf(bytes, (int)byte_count);
    X509 *certificate =
        byte_count > 0 && bytes[0] == '-' ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : d2i_X509(NULL, &rest, (long)byte_count);
    BIO_free(bio);
    if (certificate == NULL) return false;

    uint8_t digest[SHA256_DIGEST_LENGTH];
    uint8_t *public_key = NULL;
    int public_key_count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &public_key);
    SHA256(public_key, (size_t)public_key_count, digest);
    OPENSSL_free(public_key);
    write_hex(facts->identity, digest, sizeof digest);

    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    size_t serial_count = (size_t)ASN1_STRING_length(serial);
    write_hex(facts->serial, ASN1_STRING_get0_data(serial), serial_count > 20 ? 20 : serial_count);

    facts->is_authority = (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
    facts->not_before = seconds_since_1970(X509_get0_notBefore(certificate));
    facts->not_after = seconds_since_1970(X509_get0_notAfter(certificate));
    X509_free(certificate);
    return true;
}
