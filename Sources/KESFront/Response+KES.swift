// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService

extension Response {
    /// A refusal in KES's form.
    init(_ failure: KESFailure, at endpoint: Operation?) {
        self.init(
            ResponseStatus(rawValue: failure.status) ?? .internalServerError, contentType: "application/json",
            body: failure.body)
        switch self.status {
        case .methodNotAllowed:
            // KES names the method in `Accept`; HTTP has `Allow` for it.
            let method = endpoint?.method.rawValue ?? ""
            self.fields = ["Accept", "Allow"].map { .init($0, method) }
        case .serviceUnavailable:
            self.fields = [.init("Retry-After", "1")]
        case _:
            break
        }
    }

    static func json(_ body: [UInt8]) -> Response {
        Response(.ok, contentType: "application/json", body: body)
    }

    static func metrics(_ text: String) -> Response {
        Response(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(text.utf8))
    }

    /// What KES says where it has no such path.
    static let pageNotFound = Response(
        .notFound, contentType: "text/plain; charset=utf-8", body: Array("404 page not found\n".utf8),
        fields: [.init("X-Content-Type-Options", "nosniff")])
}

extension ResponseWriter {
    /// Writes an answer that may carry a key, straight from where the key lies.
    ///
    /// - Parameter origin: where it comes from, for answers that a cache could give.
    mutating func write(_ message: borrowing some KESMessage & ~Copyable, from origin: AnswerOrigin? = nil) {
        self.write(
            .ok, contentType: "application/json", from: origin, bodyByteCount: message.byteCount
        ) { output in
            message.encode(into: &output)
        }
    }

    /// Writes the message that `body` makes, or its failure.
    mutating func write<Message: KESMessage & ~Copyable>(
        at endpoint: Operation, _ body: () async throws(KeyServiceError) -> Message
    ) async {
        do throws(KeyServiceError) {
            let message = try await body()
            self.write(message)
        } catch {
            self.write(Response(KESFailure(error, at: endpoint), at: endpoint))
        }
    }

    /// Writes the response that `body` makes, or its failure.
    mutating func respond(
        at endpoint: Operation, _ body: () async throws(KeyServiceError) -> Response
    ) async {
        do throws(KeyServiceError) {
            self.write(try await body())
        } catch {
            self.write(Response(KESFailure(error, at: endpoint), at: endpoint))
        }
    }
}

extension RequestMethod {
    /// KES's own client sends POST where the API says PUT; nothing else is tolerated.
    func isAccepted(by endpoint: Operation) -> Bool {
        switch endpoint.method {
        case .get: self == .get
        case .put: self == .put || self == .post
        case .delete: self == .delete
        }
    }
}
