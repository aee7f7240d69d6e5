// SPDX-License-Identifier: Apache-2.0

import KeyService

extension AnswerOrigin {
    /// The origin without its age.
    enum Kind: Int, CaseIterable, Sendable {
        case bypass, miss, coalesced, hit, stale
    }

    var kind: Kind {
        switch self {
        case .bypass: .bypass
        case .miss: .miss
        case .coalesced: .coalesced
        case .hit: .hit
        case .stale: .stale
        }
    }
}
