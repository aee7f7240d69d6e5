// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// The properties of an endpoint, from the table of KES's API.
extension Operation {
    /// The HTTP method of an endpoint.
    package enum Method: String, Sendable {
        case get = "GET"
        /// A server also accepts POST, which KES's own client sends.
        case put = "PUT"
        case delete = "DELETE"
    }

    private struct Row {
        let method: Method
        var takesName = false
        var bodyByteCountMax = 0
        var timeoutInSeconds = 15
        var isAuthenticated = true
    }

    /// "1 MB" is a million bytes.
    private static let megabyte = 1_000_000

    /// Computed at each use, which is cheaper than a lookup.
    private var row: Row {
        switch self {
        case .decrypt, .generateKey, .encrypt, .hmac, .importKey:
            Row(method: .put, takesName: true, bodyByteCountMax: Self.megabyte)
        case .describeKey, .listKeys: Row(method: .get, takesName: true)
        case .createKey: Row(method: .put, takesName: true)
        case .deleteKey: Row(method: .delete, takesName: true)
        case .version: Row(method: .get, timeoutInSeconds: 10, isAuthenticated: false)
        case .ready, .status, .metrics: Row(method: .get)
        case .api: Row(method: .get, timeoutInSeconds: 10)
        }
    }

    package var method: Method { self.row.method }

    /// The path, or its part before the name, which ends with a slash.
    package var path: String {
        switch self {
        case .decrypt: "/v1/key/decrypt/"
        case .generateKey: "/v1/key/generate/"
        case .encrypt: "/v1/key/encrypt/"
        case .hmac: "/v1/key/hmac/"
        case .describeKey: "/v1/key/describe/"
        case .listKeys: "/v1/key/list/"
        case .createKey: "/v1/key/create/"
        case .importKey: "/v1/key/import/"
        case .deleteKey: "/v1/key/delete/"
        case .version: "/version"
        case .ready: "/v1/ready"
        case .status: "/v1/status"
        case .metrics: "/v1/metrics"
        case .api: "/v1/api"
        }
    }

    /// Whether a key's name or a listing pattern follows the path.
    package var takesName: Bool { self.row.takesName }

    /// Maximum length of a request body in bytes, after joining its chunks. 0: a body is ignored.
    package var bodyByteCountMax: Int { self.row.bodyByteCountMax }

    /// Maximum duration of a request.
    package var timeoutInSeconds: Int { self.row.timeoutInSeconds }

    /// Whether KES requires a permission.
    package var isAuthenticated: Bool { self.row.isAuthenticated }
}

extension Operation {
    /// The path of a request about `name`, percent-encoded.
    package func path(naming name: String) -> String { self.path + Self.escaping(name) }

    /// A name, percent-encoded for a path.
    package static func escaping(_ name: String) -> String {
        guard !name.utf8.allSatisfy(Self.standsForItself) else { return name }
        return name.utf8.reduce(into: "") { escaped, byte in
            if Self.standsForItself(byte) {
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                escaped += byte < 0x10 ? "%0" : "%"
                escaped += String(byte, radix: 16, uppercase: true)
            }
        }
    }

    private static func standsForItself(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"):
            true
        default:
            false
        }
    }
}
