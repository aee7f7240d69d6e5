// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
package import LockedMemory
import Primitives

/// An answer whose body is made of parts, in order, some at hand and some deferred: for requests of many commands.
///
/// Parts that are at hand are written when they are added. Deferred ones are made concurrently once the request has been
/// taken, and stand in the body where they were added. The answer is sent when all are made.
package struct AnswerParts: ~Copyable, Sendable {
    /// Makes one part of a body.
    package typealias Deferred = @Sendable (inout AnswerBody) async -> Void

    private enum Part: Sendable {
        /// The next bytes of ``atHand``, so many.
        case atHand(byteCount: Int)
        case deferred(index: Int)
    }

    private var parts: [Part] = []
    private var atHand: AnswerBody
    private var deferred: [Deferred] = []
    private let memory: SecretMemory

    /// - Parameter memory: for the parts, which may be secret.
    package init(in memory: SecretMemory) {
        self.atHand = AnswerBody(in: memory)
        self.memory = memory
    }

    /// Adds a part that is at hand.
    ///
    /// - Parameter byteCount: exactly what `body` appends.
    package mutating func append(byteCount: Int, _ body: (inout OutputRawSpan) -> Void) {
        self.atHand.append(byteCount: byteCount, body)
        self.parts.append(.atHand(byteCount: byteCount))
    }

    /// Adds a part that has to be waited for.
    package mutating func append(deferred part: @escaping Deferred) {
        self.parts.append(.deferred(index: self.deferred.count))
        self.deferred.append(part)
    }

    /// Writes the answer if all of it is at hand.
    ///
    /// - Parameters:
    ///   - concurrency: how many deferred parts are made at a time, at least 1.
    ///   - failure: the answer where there is no memory for all parts.
    /// - Returns: what writes the answer, if parts are deferred.
    package consuming func answer(
        _ status: ResponseStatus, contentType: String?, concurrency: Int = 32, orElse failure: Response,
        with writer: inout ResponseWriter
    ) -> DeferredAnswer? {
        let (parts, deferred, memory) = (self.parts, self.deferred, self.memory)
        guard !deferred.isEmpty else {
            Self.write(parts, self.atHand, [], status, contentType, orElse: failure, to: &writer)
            return nil
        }
        let kept = SingleUseBox(self.atHand)
        return { writer in
            let made = await Self.make(deferred, atATime: concurrency, in: memory)
            guard let atHand = kept.take() else { return }
            Self.write(parts, atHand, made, status, contentType, orElse: failure, to: &writer)
        }
    }

    // MARK: Making

    private struct MadePart: Sendable {
        let index: Int
        let byteCount: Int
        let isTruncated: Bool
        let body: SingleUseBox<AnswerBody>
    }

    private static func make(
        _ deferred: [Deferred], atATime concurrency: Int, in memory: SecretMemory
    ) async -> [MadePart] {
        await withTaskGroup(of: MadePart.self) { group in
            func start(_ index: Int) {
                let part = deferred[index]
                group.addTask {
                    var body = AnswerBody(in: memory)
                    await part(&body)
                    return MadePart(
                        index: index, byteCount: body.byteCount, isTruncated: body.isTruncated,
                        body: SingleUseBox(body))
                }
            }
            var started = min(max(concurrency, 1), deferred.count)
            for index in 0..<started { start(index) }
            var made: [MadePart] = []
            while let part = await group.next() {
                made.append(part)
                guard started < deferred.count else { continue }
                start(started)
                started += 1
            }
            return made.sorted { $0.index < $1.index }
        }
    }

    private static func write(
        _ parts: [Part], _ atHand: borrowing AnswerBody, _ made: [MadePart], _ status: ResponseStatus,
        _ contentType: String?, orElse failure: Response, to writer: inout ResponseWriter
    ) {
        guard !atHand.isTruncated, !made.contains(where: \.isTruncated) else {
            writer.write(failure)
            return
        }
        let byteCount = made.reduce(atHand.byteCount) { $0 + $1.byteCount }
        writer.write(status, contentType: contentType, bodyByteCount: byteCount) { output in
            var position = 0
            for part in parts {
                switch part {
                case .atHand(let byteCount):
                    atHand.write(position..<position + byteCount, to: &output)
                    position += byteCount
                case .deferred(let index):
                    guard let body = made[index].body.take() else { continue }
                    body.write(0..<body.byteCount, to: &output)
                }
            }
        }
    }
}

/// Bytes of an answer's body, in memory that is wiped.
package struct AnswerBody: ~Copyable, Sendable {
    private var buffer: TransitBuffer

    init(in memory: SecretMemory) { self.buffer = TransitBuffer(in: memory) }

    /// - Parameter byteCount: exactly what `body` appends.
    package mutating func append(byteCount: Int, _ body: (inout OutputRawSpan) -> Void) {
        self.buffer.withRoom(for: byteCount, body)
    }

    var byteCount: Int { self.buffer.byteCount }

    /// Whether there was no memory for all of the bytes.
    var isTruncated: Bool { self.buffer.isTruncated }

    borrowing func write(_ range: Range<Int>, to output: inout OutputRawSpan) {
        self.buffer.withBytes { output.append($0.extracting(range)) }
    }
}
