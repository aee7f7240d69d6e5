// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KESProtocol
import KeyService
import TestSupport

/// A request that has passed all that is looked at before its body: path, method, rights and name, in this order.
struct Call: Sendable {
    let endpoint: Operation
    let subject: Subject
    let identity: String

    enum Subject: Sendable {
        case key(KeyName)
        /// The names that begin so. KES takes every `*` but a lone one literally, and finds nothing.
        case keys(prefix: String)
        case server
    }
}

/// What a request's head comes to.
enum Opening: Sendable {
    case admitted(Call)
    case refused(Answer, at: Operation?)

    /// Nil where the path leads nowhere.
    var endpoint: Operation? {
        switch self {
        case .admitted(let call): call.endpoint
        case .refused(_, let endpoint): endpoint
        }
    }

    /// The longest body that is looked at; at 0 it is passed over.
    var bodyByteCountMax: Int {
        if case .admitted(let call) = self { call.endpoint.bodyByteCountMax } else { 0 }
    }
}

extension Opening {
    init(method: String, target: [UInt8], caller: Caller, access: AccessRules) {
        do throws(RequestError) {
            switch try RequestTarget(target) {
            case .path(let path): self.init(method: method, path: path, caller: caller, access: access)
            case .redirect(let location):
                let location = String(decoding: location, as: UTF8.self)
                self = .refused(.redirect(to: location, method: method), at: nil)
            case .asterisk: self = .refused(.empty, at: nil)
            case .authority: self = .refused(.notFound, at: nil)
            }
        } catch {
            self = .refused(Answer(KESFailure(status: error.status.rawValue, message: error.message)), at: nil)
        }
    }

    private init(method: String, path: [UInt8], caller: Caller, access: AccessRules) {
        guard let route = KESRoute(decodedPath: path.span) else {
            self = .refused(.notFound, at: nil)
            return
        }
        let endpoint = route.endpoint
        guard !endpoint.takesName || path.count >= endpoint.path.utf8.count else {
            self = .refused(.redirect(to: endpoint.path, method: method), at: endpoint)
            return
        }
        guard method == endpoint.method.rawValue || (method == "POST" && endpoint.method == .put) else {
            var answer = Answer(.wrongMethod(Array(method.utf8).span, for: endpoint))
            answer.fields = [Answer.Field(name: "Accept", value: endpoint.method.rawValue)]
            self = .refused(answer, at: endpoint)
            return
        }
        do throws(KESFailure) {
            let identity = try Self.authorize(caller, at: endpoint, path, access)
            let subject = try Self.subject(at: endpoint, path.span.extracting(route.name))
            self = .admitted(Call(endpoint: endpoint, subject: subject, identity: identity))
        } catch {
            self = .refused(Answer(error), at: endpoint)
        }
    }

    private static func authorize(
        _ caller: Caller, at endpoint: Operation, _ path: [UInt8], _ access: AccessRules
    ) throws(KESFailure) -> String {
        guard endpoint.isAuthenticated, !access.skipsAuthentication else { return caller.certificate?.identity ?? "" }
        let identity = try caller.identity
        guard access.allows(identity, path) else { throw KESFailure(.notAllowed, at: endpoint) }
        return identity
    }

    private static func subject(
        at endpoint: Operation, _ name: Span<UInt8>
    ) throws(KESFailure) -> Call.Subject {
        guard endpoint.takesName else { return .server }
        guard endpoint == .listKeys else { return .key(try KeyName(kes: name)) }
        _ = try KeyListingRequest(kes: name)
        let pattern = String(decoding: Array(copying: name), as: UTF8.self)
        return .keys(prefix: pattern == "*" ? "" : pattern)
    }
}

extension Array where Element == UInt8 {
    init(copying bytes: Span<UInt8>) {
        self.init(capacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }
}
