// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How much locked memory a request to a key server can need at once, from decoding it to its answer.
///
/// The maximum of three moments, for a client's body of b bytes:
/// 1. The client's secret is decoded (up to 3/4 b, or 7/4 b if JSON escapes must be resolved first), then encoded for
///    the key server (up to b, because encoding adds no white space, escapes or line feeds).
/// 2. The encoded body waits for its answer, which reserves its maximum length. A ciphertext is not secret and needs
///    none.
/// 3. The answer is decoded to a secret of at most 3/4 of its length; the body was released before.
extension Operation {
    /// Requests with longer bodies wait in a separate queue, so that they do not delay requests for data keys.
    package static let smallBodyByteCount = 4 << 10

    /// The maximum that KES's own client reads of any answer.
    private static let longestAnswerByteCount = 1 << 20
    /// For member names and what encryption adds: nonce, tag, algorithm names in older formats.
    private static let slackByteCount = 1 << 10
    /// Headers, canaries and alignment of three or four blocks.
    private static let blockOverheadByteCount = 1 << 10

    /// What a request with a body of `byteCount` bytes reserves before it is decoded. A small request without a secret
    /// reserves nothing: the limit on requests in flight bounds their total.
    package func lockedByteCountMax(forBodyOf byteCount: Int) -> Int {
        byteCount > Self.smallBodyByteCount || self.takesSecret ? self.peakByteCount(forBodyOf: byteCount) : 0
    }

    private func peakByteCount(forBodyOf byteCount: Int) -> Int {
        let longest = byteCount > Self.smallBodyByteCount ? self.answerByteCountMax(toBodyOf: byteCount) : 0
        let answer = self.answersSecret ? max(longest, self.answerByteCountExpected(toBodyOf: byteCount)) : 0
        let body = byteCount + Self.slackByteCount
        let decoding = self.takesSecret ? body + body / 4 * 3 : 0
        let sending = body + answer
        let reading = self == .decrypt ? answer + answer / 4 * 3 : answer
        return max(decoding, sending, reading) + Self.blockOverheadByteCount
    }

    /// Maximum length of the answer to a request with a body of `byteCount` bytes. A longer answer is rejected.
    package func answerByteCountMax(toBodyOf byteCount: Int) -> Int {
        guard byteCount > Self.smallBodyByteCount else { return Self.longestAnswerByteCount }
        return min(self.answerBound(toBodyOf: byteCount), Self.longestAnswerByteCount)
    }

    /// How much to allocate when an answer begins: its maximum length if that is known, so that it is never moved.
    package func answerByteCountExpected(toBodyOf byteCount: Int) -> Int {
        switch self {
        case .encrypt, .decrypt: min(self.answerBound(toBodyOf: byteCount), Self.longestAnswerByteCount)
        case _: Self.slackByteCount / 2
        }
    }

    /// A plaintext is shorter than its ciphertext. A ciphertext is longer than its plaintext by what KES adds; KES's
    /// format from before 2023, JSON with base64, adds another third.
    private func answerBound(toBodyOf byteCount: Int) -> Int {
        switch self {
        case .encrypt: byteCount + byteCount / 3 + Self.slackByteCount
        case .decrypt: byteCount + Self.slackByteCount
        case .hmac, .generateKey, .importKey, .describeKey, .listKeys, .createKey, .deleteKey, .version, .ready,
            .status, .metrics, .api:
            byteCount + 64 * Self.slackByteCount
        }
    }

    /// Whether the key server's answer may contain a secret.
    package var answersSecret: Bool { self != .encrypt }

    /// Whether the client's body contains a secret, which is decoded into locked memory.
    private var takesSecret: Bool {
        switch self {
        case .encrypt, .importKey: true
        case .decrypt, .hmac, .generateKey, .describeKey, .listKeys, .createKey, .deleteKey, .version, .ready, .status,
            .metrics, .api:
            false
        }
    }
}

/// The division of the locked memory for requests, between requests that reserve memory and those that do not.
package struct RequestBudget: Equatable, Sendable {
    /// For requests with long bodies; see ``Operation/lockedByteCountMax(forBodyOf:)``.
    package let longRequestByteCount: Int
    /// For small requests that contain a secret.
    package let smallRequestByteCount: Int
    /// Maximum number of concurrent requests to key servers.
    package let inFlightMax: Int

    /// What the longest request that KES accepts needs.
    package static let longestRequestByteCount =
        Operation.allCases
        .map { operation in
            operation.lockedByteCountMax(forBodyOf: operation.bodyByteCountMax)
        }
        .max() ?? 0
    /// What a small request needs at most.
    private static let smallRequestByteCountMax = Operation.encrypt.lockedByteCountMax(
        forBodyOf: Operation.smallBodyByteCount)

    /// Gives small requests what `inFlightMax` of them can need, twice: for those in flight and for those that wait
    /// with their secret. If the longest request would then have no room, small requests get less, but enough for a
    /// few.
    ///
    /// - Parameters:
    ///   - byteCount: the memory for all requests.
    ///   - inFlightMax: the operator's limit.
    package init(byteCount: Int, inFlightMax: Int) {
        let small = Self.smallRequestByteCountMax
        let spare = max(byteCount - Self.longestRequestByteCount, byteCount / 16)
        self.inFlightMax = max(1, min(inFlightMax, spare / 2 / small))
        self.smallRequestByteCount = max(small, self.inFlightMax * small)
        self.longRequestByteCount = max(0, byteCount - 2 * self.smallRequestByteCount)
    }
}
