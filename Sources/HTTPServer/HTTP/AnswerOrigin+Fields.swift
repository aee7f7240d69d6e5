// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService

/// How an answer's head tells where it comes from.
extension AnswerOrigin {
    var field: ResponseHead.ConstantField {
        let value: StaticString =
            switch self {
            case .bypass: "bypass"
            case .miss: "miss"
            case .coalesced: "coalesced"
            case .hit: "hit"
            case .stale: "stale"
            }
        return ResponseHead.ConstantField("X-Keyside-Cache", lowercased: "x-keyside-cache", value)
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
