// SPDX-License-Identifier: Apache-2.0

/// How much locked memory a request to a key server can need at a time, from its decoding to its answer.
///
/// The largest of three moments, for a client's body of b bytes:
/// 1. The client's secret is decoded (up to 3/4 b, or 7/4 b where JSON escapes have to be undone first), then encoded for the
///    key server (up to b, since encoding adds no white space, escapes or line ends).
/// 2. The encoded body waits for its answer, which comes to memory for its longest length.
/// 3. The answer is decoded to a secret of at most 3/4 of its length; the body has ended before.
extension KESEndpoint {
    /// Requests with bodies up to this length reserve nothing: the limit on requests in flight bounds what they need.
    package static let smallBodyByteCount = 8 << 10

    /// As much as KES's own client reads of any answer.
    private static let longestAnswerByteCount = 1 << 20
    /// For the names of members, and what encryption adds: nonce, tag, the names of algorithms in older formats.
    private static let slackByteCount = 1 << 10
    /// Headers, canaries and alignment of the three or four blocks.
    private static let blockOverheadByteCount = 1 << 10

    /// What a request with a body of `byteCount` bytes reserves before it is decoded; 0 for a small one.
    package func lockedByteCountMax(forBodyOf byteCount: Int) -> Int {
        guard byteCount > Self.smallBodyByteCount else { return 0 }
        let answer = self.answerByteCountMax(toBodyOf: byteCount)
        let body = byteCount + Self.slackByteCount
        let decoding = self.takesSecret ? body + body / 4 * 3 : 0
        let sending = body + answer
        let reading = self == .decrypt ? answer + answer / 4 * 3 : answer
        return max(decoding, sending, reading) + Self.blockOverheadByteCount
    }

    /// The longest answer to a request with a body of `byteCount` bytes. More is refused.
    ///
    /// A plaintext is shorter than its ciphertext. A ciphertext is longer than its plaintext by what KES adds, and in the
    /// format of KES before 2023 once more by a third, which is JSON with base64 in it.
    package func answerByteCountMax(toBodyOf byteCount: Int) -> Int {
        guard byteCount > Self.smallBodyByteCount else { return Self.longestAnswerByteCount }
        let bound =
            switch self {
            case .encrypt: byteCount + byteCount / 3 + Self.slackByteCount
            case .decrypt: byteCount + Self.slackByteCount
            case .hmac, .generateKey, .importKey, .describeKey, .listKeys, .createKey, .deleteKey, .version, .ready,
                .status, .metrics, .api:
                byteCount + 64 * Self.slackByteCount
            }
        return min(bound, Self.longestAnswerByteCount)
    }

    /// How much memory to take when an answer begins: all that it can need where it may be long, so that it never moves.
    package func answerByteCountExpected(toBodyOf byteCount: Int) -> Int {
        guard byteCount > Self.smallBodyByteCount, self == .encrypt || self == .decrypt else {
            return Self.slackByteCount / 2
        }
        return self.answerByteCountMax(toBodyOf: byteCount)
    }

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
