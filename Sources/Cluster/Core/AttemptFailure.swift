// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KeyService

/// Why an attempt brought no answer to use.
enum AttemptFailure: Error {
    case transfer(TransferFailure)
    case answer(AnswerFault)
}

/// The one table of what a failure says of its endpoint, whether another may do better, and what the caller is told.
extension AttemptFailure {
    struct Verdict {
        /// What it shows of the endpoint.
        let health: EndpointAttempt.Outcome
        let outcome: AttemptOutcome
        /// Whether another endpoint could do better.
        var maySucceedElsewhere = false
        /// Whether this process lacked something, so that the same endpoint may do better in a moment.
        var isOwnLack = false
        /// What the caller is told if no other attempt succeeds.
        let error: KeyServiceError
    }

    /// - Parameter hadFullTime: whether the attempt had so much time that running out of it is the server's fault.
    func verdict(hadFullTime: Bool) -> Verdict {
        switch self {
        case .transfer(let failure): Self.verdict(on: failure, hadFullTime: hadFullTime)
        case .answer(let fault): Self.verdict(on: fault)
        }
    }

    private static func verdict(on failure: TransferFailure, hadFullTime: Bool) -> Verdict {
        let fault = EndpointAttempt.Outcome.faulty(.transfer(failure))
        switch failure.kind {
        case .nameNotResolved, .refused, .notPermitted, .notTrusted, .tls, .broken:
            return Verdict(health: fault, outcome: .unreachable, maySucceedElsewhere: true, error: .unavailable)
        case .timedOut(let whileConnecting):
            return Verdict(
                health: hadFullTime ? fault : .inconclusive, outcome: whileConnecting ? .unreachable : .timedOut,
                maySucceedElsewhere: true, error: whileConnecting ? .unavailable : .timedOut)
        case .answerTooLarge:
            return Self.unusable
        case .noMemory:
            return Self.noMemory
        case .noResources:
            return Verdict(health: .inconclusive, outcome: .givenUp, isOwnLack: true, error: .overloaded)
        case .retired:
            return Verdict(
                health: .inconclusive, outcome: .givenUp, maySucceedElsewhere: true, error: .unavailable)
        case .cancelled, .stopped:
            return Verdict(health: .inconclusive, outcome: .givenUp, error: .unavailable)
        }
    }

    private static func verdict(on fault: AnswerFault) -> Verdict {
        switch fault {
        case .refused(let error, let maySucceedElsewhere):
            Verdict(
                health: .healthy, outcome: .refused, maySucceedElsewhere: maySucceedElsewhere, error: error)
        case .failed(let error, let status):
            Verdict(health: .faulty(.status(status)), outcome: .failed, maySucceedElsewhere: true, error: error)
        case .unusable: Self.unusable
        case .outOfMemory: Self.noMemory
        }
    }

    /// The server's other answers may be good.
    private static var unusable: Verdict {
        Verdict(health: .healthy, outcome: .unusable, maySucceedElsewhere: true, error: .internalFailure)
    }

    private static var noMemory: Verdict {
        Verdict(health: .inconclusive, outcome: .givenUp, isOwnLack: true, error: .outOfMemory)
    }

    /// Whether the server cannot have acted on the request.
    var leftNoTrace: Bool {
        switch self {
        case .transfer(let failure): !failure.requestWasSent
        case .answer: false
        }
    }

    /// Whether the credentials were replaced just before the request left: it goes on with the new ones.
    var isOfRetiredTransport: Bool {
        if case .transfer(let failure) = self { failure.kind == .retired } else { false }
    }

    /// What makes a successful answer unreadable; nil for every other failure.
    var unusableReason: String? {
        switch self {
        case .answer(.unusable(let reason)): reason
        case .transfer(let failure): failure.kind == .answerTooLarge ? "the answer is too large" : nil
        case .answer: nil
        }
    }
}
