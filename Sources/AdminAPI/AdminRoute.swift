// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HTTPMessages
import HTTPServer
import KeyService
import Primitives

/// The paths of the agent's own API.
enum AdminRoute: Equatable {
    /// `/metrics`
    case metrics
    /// `/v1/keyside/cache`
    case cache
    /// `/v1/keyside/cache/NAME`: the range is where the key's name stands in the path.
    case cachedKey(Range<Int>)

    private static let metricsPath: StaticString = "/metrics"
    private static let cachePath: StaticString = "/v1/keyside/cache"

    /// - Returns: nil if the path leads nowhere.
    init?(decodedPath path: Span<UInt8>) {
        let byteCount = Self.cachePath.utf8CodeUnitCount
        if path.isEqual(to: Self.metricsPath) {
            self = .metrics
        } else if path.isEqual(to: Self.cachePath) {
            self = .cache
        } else if path.count > byteCount, path[byteCount] == UInt8(ascii: "/"),
            path.extracting(..<byteCount).isEqual(to: Self.cachePath)
        {
            self = .cachedKey(byteCount + 1..<path.count)
        } else {
            return nil
        }
    }

    var methods: [RequestMethod] {
        switch self {
        case .metrics: [.get]
        case .cache: [.get, .delete]
        case .cachedKey: [.delete]
        }
    }

    /// Nil for the cache, whose requests no key protocol has.
    var operation: Operation? {
        switch self {
        case .metrics: .metrics
        case .cache, .cachedKey: nil
        }
    }

    /// The key's name in the path; nil where there is none, or none that is valid.
    func keyName(in path: Span<UInt8>) -> KeyName? {
        guard case .cachedKey(let range) = self else { return nil }
        let name = path.extracting(range)
        return KeyNameRule.allows(name) ? KeyName(String(repairing: name)) : nil
    }

    /// - Throws: the answer to a method that the path does not take.
    func check(_ method: RequestMethod) throws(AdminFailure) {
        guard !self.methods.contains(method) else { return }
        throw AdminFailure(wrongMethod: method, at: self)
    }

    /// What a request asks for.
    ///
    /// - Parameters:
    ///   - method: one of ``methods``.
    ///   - key: ``keyName(in:)``
    /// - Throws: the answer to a name that is not valid.
    func action(
        for method: RequestMethod, on key: KeyName?, in path: Span<UInt8>
    ) throws(AdminFailure) -> AdminRequest.Action {
        switch self {
        case .metrics: return .writeMetrics
        case .cache: return method == .get ? .reportCache : .purge(nil)
        case .cachedKey(let range):
            guard let key else { throw AdminFailure(invalidName: path.extracting(range)) }
            return .purge(key)
        }
    }
}
