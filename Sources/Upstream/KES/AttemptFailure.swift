// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KESProtocol
import KeyService

/// What came of an attempt that brought nothing to use.
enum AttemptFailure: Error {
    case transfer(TransferFailure)
    /// A status of 400 or above.
    case refused(KESFailure)
    /// An answer that says it is a success, and is none.
    case unusable(KESAnswer.Unusable)
}

/// What follows from it: the one table of who is to blame, who else may know better, and what the caller is told.
extension AttemptFailure {
    struct Verdict {
        /// What it shows of the endpoint.
        let health: EndpointAttempt.Outcome
        let outcome: UpstreamOutcome
        /// Whether another endpoint could do better.
        var maySucceedElsewhere = false
        /// Whether this process lacked something, so that the same endpoint may do better in a moment.
        var isOwnLack = false
        /// What the caller is told if nobody does.
        let error: KeyServiceError
    }

    /// - Parameter wasPatient: whether the attempt had so much time that running out of it is the server's fault.
    func verdict(hadFullTime: Bool) -> Verdict {
        switch self {
        case .transfer(let failure): Self.verdict(on: failure, hadFullTime: hadFullTime)
        case .refused(let failure): Self.verdict(on: failure)
        case .unusable:
            // Something that answers in KES's place, or another version of it. Its other answers may be good.
            Verdict(health: .healthy, outcome: .unusable, maySucceedElsewhere: true, error: .internalFailure)
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
            return AttemptFailure.unusable(.tooLarge).verdict(hadFullTime: hadFullTime)
        case .noMemory:
            return Verdict(health: .inconclusive, outcome: .givenUp, isOwnLack: true, error: .outOfMemory)
        case .noResources:
            return Verdict(health: .inconclusive, outcome: .givenUp, isOwnLack: true, error: .overloaded)
        case .retired:
            return Verdict(
                health: .inconclusive, outcome: .givenUp, maySucceedElsewhere: true, error: .unavailable)
        case .cancelled, .stopped:
            return Verdict(health: .inconclusive, outcome: .givenUp, error: .unavailable)
        }
    }

    /// A 4xx is about the request, and so is 501; 429 is about how many there are. Every other 5xx is the server's own.
    private static func verdict(on failure: KESFailure) -> Verdict {
        let error = KeyServiceError(kes: failure)
        switch failure.status {
        case 429:
            return Verdict(health: .healthy, outcome: .refused, maySucceedElsewhere: true, error: error)
        case ..<500, 501:
            return Verdict(health: .healthy, outcome: .refused, error: error)
        case let status:
            return Verdict(
                health: .faulty(.status(status)), outcome: .failed, maySucceedElsewhere: true, error: error)
        }
    }

    /// Whether the server cannot have acted on the request.
    var leftNoTrace: Bool {
        switch self {
        case .transfer(let failure): !failure.requestWasSent
        case .refused, .unusable: false
        }
    }
}
