// SPDX-License-Identifier: Apache-2.0

/// A comma-separated list of endpoints and patterns, expanded in order. Duplicates are kept.
struct EndpointList {
    private(set) var endpoints: [Endpoint] = []
    private(set) var diagnostics: [Diagnostic] = []

    /// Maximum length. MinIO has no limit, but a mistyped range must not exhaust memory.
    static let countMax = 1024

    /// Parses the value of `variable` at `place`. Every invalid item is reported once.
    init(_ text: String, of variable: KMSVariable, at place: Place) {
        let items = text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
        if items.isEmpty, let emptiness = variable.emptiness {
            self.diagnostics.report(.error, at: place, emptiness, remedy: "list one or more servers")
        }
        for item in items {
            do throws(Endpoint.Invalid) {
                try self.append(item, isKES: variable == .kesEndpoint)
            } catch {
                let message = "kms: invalid endpoint '\(item)': \(error.message)"
                self.diagnostics.report(.error, at: place, message, remedy: error.remedy)
            }
        }
    }

    private mutating func append(_ item: String, isKES: Bool) throws(Endpoint.Invalid) {
        for address in try Self.expand(item, countMax: Self.countMax - self.endpoints.count) {
            guard !address.contains(where: { $0 == "{" || $0 == "}" }) else {
                throw Endpoint.Invalid(
                    message: "lists in braces are not supported; MinIO would read the brace as part of the name",
                    remedy: "write a range such as {1...4}, or list every endpoint"
                )
            }
            self.endpoints.append(isKES ? try Endpoint(kes: address) : try Endpoint(minKMS: address))
        }
    }

    private static func expand(_ item: String, countMax: Int) throws(Endpoint.Invalid) -> [String] {
        do throws(EndpointPatternError) {
            if EndpointPattern.isPattern(item) { return try EndpointPattern(item).expanded(countMax: countMax) }
            guard countMax > 0 else { throw .tooMany }
            return [item]
        } catch {
            throw Endpoint.Invalid(message: error.description, remedy: error.remedy)
        }
    }
}

extension EndpointPatternError {
    fileprivate var remedy: String {
        switch self {
        case .format: "write a range such as {1...4}"
        case .startAfterEnd: "write the smaller number first"
        case .notANumber, .numberTooLarge: "write a number, decimal or hexadecimal in lower case"
        case .tooMany: "list at most \(EndpointList.countMax) in total"
        }
    }
}
