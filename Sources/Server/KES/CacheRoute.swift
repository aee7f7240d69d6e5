// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KESProtocol
import KeyService
import Primitives

/// `/v1/keyside/cache` and `/v1/keyside/cache/NAME`: what the agent has beside KES's API to look into its cache and to
/// empty it.
enum CacheRoute {
    case whole
    /// Where in the path the key's name stands.
    case key(name: Range<Int>)

    private static let path: StaticString = "/v1/keyside/cache"

    /// - Returns: nil if the path leads elsewhere.
    init?(decodedPath path: Span<UInt8>) {
        let byteCount = Self.path.utf8CodeUnitCount
        guard path.count >= byteCount, path.extracting(..<byteCount).isEqual(to: Self.path) else { return nil }
        if path.count == byteCount {
            self = .whole
        } else if path[byteCount] == UInt8(ascii: "/") {
            self = .key(name: byteCount + 1..<path.count)
        } else {
            return nil
        }
    }

    var methods: [RequestMethod] {
        switch self {
        case .whole: [.get, .delete]
        case .key: [.delete]
        }
    }

    /// - Throws: the answer to a wrong method.
    func check(_ method: RequestMethod) throws(KESFailure) {
        guard !self.methods.contains(method) else { return }
        let expected = self.methods.map(\.name).joined(separator: "' or '")
        throw KESFailure(status: 405, message: "received method '\(method.name)' expected '\(expected)'")
    }

    /// The key whose entries are to go, if the path names one that is valid.
    func key(in path: Span<UInt8>) -> KeyName? {
        guard case .key(let name) = self else { return nil }
        do throws(KESFailure) { return try KeyName(kes: path.extracting(name)) } catch { return nil }
    }

    /// - Parameter method: one of ``methods``.
    /// - Throws: the answer to a name that is none.
    func subject(
        for method: RequestMethod, path: Span<UInt8>
    ) throws(KESFailure) -> KESRoutedRequest.Subject {
        switch self {
        case .whole: method == .get ? .cacheReport : .purge(nil)
        case .key(let name): .purge(try KeyName(kes: path.extracting(name)))
        }
    }
}
