// SPDX-License-Identifier: Apache-2.0
//
// Loaded into h2load, which knows no client certificates: each context of OpenSSL's gets the certificate and key that
// CLIENT_CERT and CLIENT_KEY name.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdlib.h>

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
    SSL_CTX *(*make)(const SSL_METHOD *) = (SSL_CTX *(*)(const SSL_METHOD *))dlsym(RTLD_NEXT, "SSL_CTX_new");
    SSL_CTX *context = make(method);
    if (context == NULL || SSL_CTX_use_certificate_file(context, getenv("CLIENT_CERT"), SSL_FILETYPE_PEM) != 1
        || SSL_CTX_use_PrivateKey_file(context, getenv("CLIENT_KEY"), SSL_FILETYPE_PEM) != 1)
        abort();
    return context;
}
