// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Everything that a client has proven to be. Iterating and making one of at most one principal allocates nothing.
package struct PrincipalSet: Equatable, Sendable {
    /// Whether the mode of the Unix socket has let the client in.
    package let isLocal: Bool
    private let first: Principal?
    private let rest: [Principal]

    /// - Parameter principals: at most a handful; each is looked up for every request.
    package init(_ principals: [Principal], isLocal: Bool = false) {
        self.isLocal = isLocal
        self.first = principals.first
        self.rest = Array(principals.dropFirst())
    }

    private init(first: Principal?, isLocal: Bool) {
        self.isLocal = isLocal
        self.first = first
        self.rest = []
    }

    /// A client that has proven nothing.
    package static let none = PrincipalSet(first: nil, isLocal: false)
    /// A client of the Unix socket.
    package static let local = PrincipalSet(first: nil, isLocal: true)

    package static func one(_ principal: Principal) -> PrincipalSet { PrincipalSet(first: principal, isLocal: false) }

    package static func identity(_ identity: Identity) -> PrincipalSet { .one(.identity(identity)) }

    package var isEmpty: Bool { self.first == nil }

    func contains(where predicate: (Principal) -> Bool) -> Bool {
        guard let first = self.first else { return false }
        return predicate(first) || self.rest.contains(where: predicate)
    }

    /// The first result that is not nil, in the order that the principals were given in.
    func firstResult<Result>(_ body: (Principal) -> Result?) -> Result? {
        guard let first = self.first else { return nil }
        if let result = body(first) { return result }
        for principal in self.rest {
            if let result = body(principal) { return result }
        }
        return nil
    }
}
