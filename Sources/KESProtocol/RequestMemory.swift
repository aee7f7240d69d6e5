// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How much locked memory a request to a key server can need at a time, from its decoding to its answer.
///
/// The largest of three moments, for a client's body of b bytes:
/// 1. The client's secret is decoded (up to 3/4 b, or 7/4 b where JSON escapes have to be undone first), then encoded for the
///    key server (up to b, since encoding adds no white space, escapes or line ends).
/// 2. The encoded body waits for its answer, which comes to memory for its longest length. A ciphertext is no secret and needs
///    none.
/// 3. The answer is decoded to a secret of at most 3/4 of its length; the body has ended before.
extension Operation {
    /// Requests with longer bodies wait in a queue of their own, so that they hold up none with a data key.
    package static let smallBodyByteCount = 4 << 10

    /// As much as KES's own client reads of any answer.
    private static let longestAnswerByteCount = 1 << 20
    /// For the names of members, and what encryption adds: nonce, tag, the names of algorithms in older formats.
    private static let slackByteCount = 1 << 10
    /// Headers, canaries and alignment of the three or four blocks.
    private static let blockOverheadByteCount = 1 << 10

    /// What a request with a body of `byteCount` bytes reserves before it is decoded. A small one without a secret reserves
    /// nothing: the limit on requests in flight bounds what all of these need.
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

    /// The longest answer to a request with a body of `byteCount` bytes. More is refused.
    package func answerByteCountMax(toBodyOf byteCount: Int) -> Int {
        guard byteCount > Self.smallBodyByteCount else { return Self.longestAnswerByteCount }
        return min(self.answerBound(toBodyOf: byteCount), Self.longestAnswerByteCount)
    }

    /// How much memory to take when an answer begins: all that it needs where that can be told, so that it never moves.
    package func answerByteCountExpected(toBodyOf byteCount: Int) -> Int {
        switch self {
        case .encrypt, .decrypt: min(self.answerBound(toBodyOf: byteCount), Self.longestAnswerByteCount)
        case _: Self.slackByteCount / 2
        }
    }

    /// A plaintext is shorter than its ciphertext. A ciphertext is longer than its plaintext by what KES adds, and in the
    /// format of KES before 2023 once more by a third, which is JSON with base64 in it.
    private func answerBound(toBodyOf byteCount: Int) -> Int {
        switch self {
        case .encrypt: byteCount + byteCount / 3 + Self.slackByteCount
        case .decrypt: byteCount + Self.slackByteCount
        case .hmac, .generateKey, .importKey, .describeKey, .listKeys, .createKey, .deleteKey, .version, .ready,
            .status, .metrics, .api:
            byteCount + 64 * Self.slackByteCount
        }
    }

    /// Whether the key server's answer may hold a secret.
    package var answersSecret: Bool { self != .encrypt }

    /// Whether the client's body holds a secret, which is decoded into locked memory.
    private var takesSecret: Bool {
        switch self {
        case .encrypt, .importKey: true
        case .decrypt, .hmac, .generateKey, .describeKey, .listKeys, .createKey, .deleteKey, .version, .ready, .status,
            .metrics, .api:
            false
        }
    }
}

/// How the locked memory of requests is divided between those that reserve it and those that need not.
package struct RequestBudget: Equatable, Sendable {
    /// For requests with long bodies: see ``Operation/lockedByteCountMax(forBodyOf:)``.
    package let longRequestByteCount: Int
    /// For small requests that hold a secret.
    package let smallRequestByteCount: Int
    /// How many requests may be under way to key servers at a time.
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

    /// Gives small requests what `inFlightMax` of them can need, twice: once for those under way, once for those that wait
    /// with their secret. It gives them less where the longest request would else have no room, but enough for a few.
    ///
    /// - Parameters:
    ///   - byteCount: all there is for requests.
    ///   - inFlightMax: what the operator allows.
    package init(byteCount: Int, inFlightMax: Int) {
        let small = Self.smallRequestByteCountMax
        let spare = max(byteCount - Self.longestRequestByteCount, byteCount / 16)
        self.inFlightMax = max(1, min(inFlightMax, spare / 2 / small))
        self.smallRequestByteCount = max(small, self.inFlightMax * small)
        self.longRequestByteCount = max(0, byteCount - 2 * self.smallRequestByteCount)
    }
}
