// SPDX-License-Identifier: Apache-2.0

#include "CTestSupport.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
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
    if (strncmp(kind, "P-", 2) == 0) return write_key(EVP_EC_gen(kind));
    return write_key(EVP_PKEY_Q_keygen(NULL, NULL, kind));
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
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
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
        X509_set_pubkey(certificate, key);
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
