// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// A server's answer, whatever its status.
package struct TransferAnswer: ~Copyable, Sendable {
    package enum HTTPVersion: Sendable {
        case http1
        case http2
    }

    /// The HTTP status, of any class.
    package let status: Int
    package let httpVersion: HTTPVersion
    package let body: AnswerBody

    package init(status: Int, httpVersion: HTTPVersion, body: consuming AnswerBody) {
        self.status = status
        self.httpVersion = httpVersion
        self.body = body
    }

    package init(status: Int, httpVersion: HTTPVersion, body: consuming Secret) {
        self.init(status: status, httpVersion: httpVersion, body: .secret(body))
    }
}

/// The bytes of an answer, wiped on release.
package enum AnswerBody: ~Copyable, Sendable {
    /// In locked memory, because it may hold a plaintext.
    case secret(Secret)
    /// It holds no secret. In locked memory while there is enough, otherwise in ordinary memory.
    case transit(TransitBuffer)

    /// Calls `body` with the bytes.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .secret(let secret): try secret.withBytes(body)
        case .transit(let buffer): try buffer.withBytes(body)
        }
    }
}

/// An answer that arrives in parts.
enum AnswerBuilder: ~Copyable, Sendable {
    case secret(SecretBuilder)
    case transit(TransitBuffer, byteCountMax: Int)

    init(for transfer: borrowing Transfer, in memory: SecretMemory) {
        self =
            transfer.answerIsSecret
            ? .secret(
                SecretBuilder(
                    byteCountMax: transfer.answerByteCountMax, firstByteCount: transfer.answerByteCountExpected,
                    in: memory))
            : .transit(TransitBuffer(in: memory), byteCountMax: transfer.answerByteCountMax)
    }

    /// - Returns: this builder with more bytes; nil if the answer would exceed its limit.
    consuming func appending(_ bytes: Span<UInt8>) throws(LockedMemoryError) -> AnswerBuilder? {
        switch consume self {
        case .secret(var builder):
            return try builder.append(bytes) ? .secret(builder) : nil
        case .transit(var buffer, let byteCountMax):
            guard bytes.count <= byteCountMax - buffer.byteCount else { return nil }
            buffer.append(bytes)
            return .transit(buffer, byteCountMax: byteCountMax)
        }
    }

    consuming func finish() throws(LockedMemoryError) -> AnswerBody {
        switch consume self {
        case .secret(let builder): .secret(try builder.finish())
        case .transit(let buffer, _): .transit(buffer)
        }
    }
}
