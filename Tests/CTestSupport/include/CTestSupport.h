// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_TEST_SUPPORT_H
#define KEYSIDE_TEST_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What tests need and Swift cannot do: work between fork(2) and exec(2), and a search at the speed of memory.

/// A program to start. Strings and arrays are the caller's.
struct testsupport_launch {
    /// Opened before the user changes, so that the new one need not be able to reach it.
    const char *program;
    /// Both end with a null pointer.
    char *const *arguments;
    char *const *environment;
    const char *working_folder;
    /// What becomes of descriptors 0, 1 and 2. The program gets no others.
    int input, output, error;
    /// Whom to become, with no other groups; -1 to stay who one is.
    uid_t user;
    gid_t group;
    /// RLIMIT_MEMLOCK in bytes; -1 to leave it.
    int64_t locked_memory_max;
    /// Has the kernel say that it has no memfd_secret(2), as older ones and containers do.
    bool lacks_memfd_secret;
};

/// Starts a program with every signal at its default.
///
/// Returns its process id, or -1 and errno, also where it could be forked but not executed.
pid_t testsupport_start(const struct testsupport_launch *launch);

/// pidfd_open(2): a descriptor that becomes readable when the process has ended.
int testsupport_open_process(pid_t process);

/// SIOCOUTQ of a Unix socket: bytes of memory held by what the peer has not read; 0 once it has read everything.
int testsupport_unread_by_peer(int socket);

/// Lets this process open as many descriptors as it may. Returns that number.
long testsupport_raise_descriptor_limit(void);

/// Removes a folder with everything in it.
void testsupport_remove_folder(const char *path);

/// A new private key, PKCS #8 in PEM. `kind` is `RSA` (2048 bits), the name of a curve as `P-256`, or `ED25519` or another
/// name that OpenSSL knows. The text is to be freed; NULL on failure, here and below.
char *testsupport_key_make(const char *kind);

/// A new RSA key of so many bits and this public exponent. Above 4096 bits, its modulus is the product of many small primes,
/// which costs little and is worth nothing.
char *testsupport_rsa_key_make(unsigned bits, uint64_t exponent);

/// A new key on a curve whose parameters are spelled out, not named.
char *testsupport_explicit_curve_key_make(const char *curve);

/// The Ed25519 key of a seed of 32 bytes, likewise.
char *testsupport_key_from_ed25519_seed(const uint8_t *seed);

/// What a certificate is to say. All texts are PEM but for names; times are seconds since 1970.
struct testsupport_certificate {
    const char *common_name;
    /// The private key that belongs to it.
    const char *key;
    /// A certificate whose public key is put into this one in place of that of `key`; or NULL.
    const char *public_key_of;
    /// Who signs it; both NULL: itself.
    const char *issuer;
    const char *issuer_key;
    /// As in OpenSSL's configuration, `DNS:localhost,IP:127.0.0.1`; or NULL.
    const char *alternative_names;
    /// `serverAuth`, `clientAuth`; or NULL.
    const char *extended_key_usage;
    bool is_authority;
    int64_t not_before, not_after;
};

/// A certificate in PEM, with a random serial number. To be freed.
char *testsupport_certificate_make(const struct testsupport_certificate *wanted);

struct testsupport_certificate_facts {
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal: what KES calls a client.
    char identity[65];
    /// Hexadecimal.
    char serial[41];
    bool is_authority;
    int64_t not_before, not_after;
};

/// What a certificate says, DER or the first one in a PEM text.
bool testsupport_certificate_read(
    const uint8_t *bytes, size_t byte_count, struct testsupport_certificate_facts *facts);

/// One connection of TLS from the client's side, which knows no socket: records in, records out.
struct testsupport_tls;

/// What calls return where it is no count of bytes.
enum { TESTSUPPORT_TLS_WAITS = -1, TESTSUPPORT_TLS_ENDED = -2, TESTSUPPORT_TLS_FAILED = -3 };

/// A session that a later connection can resume.
struct testsupport_tls_session;

/// A client of a server at 127.0.0.1. Texts are PEM.
struct testsupport_tls_client {
    /// The CA that issued the server's certificate.
    const char *authority;
    /// What the client sends first, and its private key; both may be NULL. If the key is that of another certificate, it
    /// signs all the same (P-256 only).
    const char *certificate, *key;
    /// Certificates that the client sends after the first, unchecked; may be NULL.
    const char *others;
    /// 0x0303 for TLS 1.2 only, 0x0304 for TLS 1.3 only, 0 for either.
    int version;
    /// May be NULL.
    struct testsupport_tls_session *session;
    /// ALPN's names, each behind its length.
    const uint8_t *protocols;
    unsigned protocols_count;
};

/// NULL if a text cannot be read.
struct testsupport_tls *testsupport_tls_make(const struct testsupport_tls_client *client);
void testsupport_tls_free(struct testsupport_tls *tls);

/// The connection's newest session. NULL if the server has offered none that can be resumed.
struct testsupport_tls_session *testsupport_tls_take_session(struct testsupport_tls *tls);
void testsupport_tls_session_free(struct testsupport_tls_session *session);
bool testsupport_tls_is_resumed(struct testsupport_tls *tls);

/// Returns 1 when it is done.
int testsupport_tls_shake_hands(struct testsupport_tls *tls);
int testsupport_tls_write(struct testsupport_tls *tls, const uint8_t *bytes, int count);
int testsupport_tls_read(struct testsupport_tls *tls, uint8_t *bytes, int count_max);
/// Says that nothing more will be sent.
void testsupport_tls_end(struct testsupport_tls *tls);

/// Records that have come.
void testsupport_tls_receive(struct testsupport_tls *tls, const uint8_t *bytes, int count);
/// Records to be sent; 0: none.
int testsupport_tls_take(struct testsupport_tls *tls, uint8_t *bytes, int count_max);

/// What OpenSSL says of the last failure on this thread. To be freed.
char *testsupport_tls_error(void);

/// An index over texts to be found: see `testsupport_index_search`.
struct testsupport_index;

/// Indexes `count` texts; text i is `bytes[starts[i] ..< starts[i + 1]]`. The bytes are copied. NULL without memory.
struct testsupport_index *testsupport_index_make(const uint8_t *bytes, const uint32_t *starts, uint32_t count);
void testsupport_index_free(struct testsupport_index *index);

struct testsupport_match {
    /// Where in the memory searched.
    size_t offset;
    size_t byte_count;
    /// Which text, and from where in it.
    uint32_t text;
    uint32_t text_offset;
};

/// Finds every run of at least 16 bytes that memory has in common with any text, in one pass.
///
/// Returns how many there are; the first `matches_max` are written to `matches`.
size_t testsupport_index_search(
    const struct testsupport_index *index, const uint8_t *memory, size_t byte_count,
    struct testsupport_match *matches, size_t matches_max);

// The malloc family that the program replaces glibc's with. A block of one of these goes to these alone.
void *testsupport_malloc(size_t byte_count);
void *testsupport_calloc(size_t count, size_t byte_count);
void *testsupport_realloc(void *block, size_t byte_count);
void *testsupport_reallocarray(void *block, size_t count, size_t byte_count);
void testsupport_free(void *block);
void *testsupport_memalign(size_t alignment, size_t byte_count);
void *testsupport_aligned_alloc(size_t alignment, size_t byte_count);
int testsupport_posix_memalign(void **result, size_t alignment, size_t byte_count);
void *testsupport_valloc(size_t byte_count);
void *testsupport_pvalloc(size_t byte_count);
size_t testsupport_malloc_usable_size(void *block);

#endif
