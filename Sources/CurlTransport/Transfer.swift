// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// One HTTP request, to be sent once: performing it consumes it.
package struct Transfer: ~Copyable, Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package let method: Method
    /// Scheme, host and port: `https://kes-1:7373`. Connections are counted, and shared, by this.
    package let endpoint: String
    /// Path and query, percent-encoded: `/v1/key/decrypt/my-key`. Never holds a secret.
    package let path: String
    /// libcurl reads it where it lies, so it lives as long as the transfer. Nil: no body and no length of one.
    package let body: SharedSecret?
    /// The value of Content-Type, also where there is no body. Nil: the field is not sent.
    package let contentType: String?
    /// The longest body an answer may have.
    package let answerByteCountMax: Int
    /// Memory for an answer of this length is taken when its first byte comes; a longer one moves as it grows.
    package let answerByteCountExpected: Int
    /// Whether the answer must lie in locked memory.
    package let answerIsSecret: Bool
    /// When it has failed, wherever it is: waiting for a connection, sending, receiving.
    package let deadline: ContinuousClock.Instant
    /// How long name, connection and handshake may take together, where that is less than with the engine's other
    /// transfers. Nil: as with those.
    package let connectTimeout: Duration?
    /// Whether the server may see it twice.
    ///
    /// A server may close a kept-alive connection just as a request goes out on it. libcurl then sends the request once
    /// more, not knowing whether the server has read it. What must not be repeated therefore gets a connection of its
    /// own that nothing was sent on before, and HTTP/1.1, where nobody else can join it.
    package let isRepeatable: Bool

    package init(
        _ method: Method,
        _ endpoint: String,
        _ path: String,
        body: SharedSecret? = nil,
        contentType: String? = nil,
        answerByteCountMax: Int,
        answerByteCountExpected: Int = 512,
        answerIsSecret: Bool = true,
        deadline: ContinuousClock.Instant,
        connectTimeout: Duration? = nil,
        isRepeatable: Bool
    ) {
        self.method = method
        self.endpoint = endpoint
        self.path = path
        self.body = body
        self.contentType = contentType
        self.answerByteCountMax = answerByteCountMax
        self.answerIsSecret = answerIsSecret
        self.answerByteCountExpected = min(answerByteCountExpected, answerByteCountMax)
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.isRepeatable = isRepeatable
    }
}
