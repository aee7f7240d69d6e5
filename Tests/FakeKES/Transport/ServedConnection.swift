// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import NIOCore

/// What requests of both HTTP versions have in common on a connection.
struct ServedConnection {
    let server: ServerState
    let record: ConnectionRecord
    let caller: Caller
    let wire: Wire

    func open(method: String, target: [UInt8]) -> Opening {
        Opening(method: method, target: target, caller: self.caller, access: self.server.responder.access)
    }

    /// The answer to a request that has come in whole, and what is to become of it; nil: it is sent.
    ///
    /// - Parameter body: nil if it was too long.
    func answer(
        _ opening: Opening, body: Span<UInt8>?, lengthWasAnnounced: Bool, since began: NIODeadline
    ) -> (Answer, Verdict?) {
        guard let endpoint = opening.endpoint else {
            guard case .refused(let answer, _) = opening else { preconditionFailure("a call to nowhere") }
            return (answer, nil)
        }
        self.server.journal.requestCame(at: endpoint, on: self.record)
        var answer: Answer
        switch opening {
        case .refused(let refusal, _): answer = refusal
        case .admitted(let call):
            answer = self.server.responder.answer(call, body: body, lengthWasAnnounced: lengthWasAnnounced)
            if endpoint.path.hasPrefix("/v1/key/") {
                self.server.responder.metrics.answered(answer.status, after: .now() - began)
            }
        }
        guard let verdict = self.server.faults.verdict(for: endpoint) else { return (answer, nil) }
        verdict.edit(&answer)
        return (answer, verdict)
    }

    /// Does `send`, on the event loop, when the verdict says so.
    ///
    /// - Returns: what to cancel when the client closed the connection; nil if it is done already.
    func carryOut(_ verdict: Verdict, on eventLoop: any EventLoop, _ send: @escaping () -> Void) -> PendingAnswer? {
        let send = NIOLoopBound(send, eventLoop: eventLoop)
        guard !verdict.isHeld else {
            let journal = self.server.journal
            let ticket = journal.hold { eventLoop.execute { send.value() } }
            return .held(ticket, journal)
        }
        guard verdict.delay > .zero else {
            send.value()
            return nil
        }
        return .delayed(eventLoop.scheduleTask(in: verdict.delay) { send.value() })
    }
}

/// An answer that is ready and not sent.
enum PendingAnswer {
    case delayed(Scheduled<Void>)
    case held(Int, Journal)

    func cancel() {
        switch self {
        case .delayed(let task): task.cancel()
        case .held(let ticket, let journal): journal.forget(ticket)
        }
    }
}
