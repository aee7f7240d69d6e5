// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How an answer's head tells where it comes from.
extension AnswerOrigin {
    /// `X-Keyside-Cache`, a whole line.
    var field: StaticString {
        switch self {
        case .bypass: "X-Keyside-Cache: bypass\r\n"
        case .miss: "X-Keyside-Cache: miss\r\n"
        case .coalesced: "X-Keyside-Cache: coalesced\r\n"
        case .hit: "X-Keyside-Cache: hit\r\n"
        case .stale: "X-Keyside-Cache: stale\r\n"
        }
    }

    /// Seconds since the key server vouched for it. Nil where it has just done so, or is none.
    var age: Int? {
        switch self {
        case .bypass: nil
        case .miss, .coalesced: 0
        case .hit(let age), .stale(let age): age
        }
    }
}
