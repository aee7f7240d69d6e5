// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CertificateRotation

/// What is decided on what was read, when. Nothing is read, and no time passes.
struct RotationTests {
    typealias Reading = Result<[[UInt8]], Fault>
    typealias Rotation = CertificateRotation.Rotation<Fault>

    struct Fault: Error, Hashable {
        let message: String
    }

    static let old: Reading = .success([[1]])
    static let new: Reading = .success([[2]])
    static let mismatch = Self.fault("the private key does not belong to the certificate")
    static let garbage = Self.fault("contains no PEM certificate")

    static func fault(_ message: String) -> Fault { Fault(message: message) }

    struct Step: Sendable {
        /// Seconds since the test began.
        let at: Double
        let reading: Reading
        var isAsked = false
        let decision: Rotation.Decision
    }

    struct Story: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
    }

    static let stories = [
        Story(
            testDescription: "nothing changes",
            steps: [Step(at: 0, reading: old, decision: .keep), Step(at: 60, reading: old, decision: .keep)]),
        Story(
            testDescription: "a new pair is taken once",
            steps: [Step(at: 0, reading: new, decision: .take), Step(at: 60, reading: new, decision: .keep)]),
        Story(
            testDescription: "and the old one again",
            steps: [Step(at: 0, reading: new, decision: .take), Step(at: 1, reading: old, decision: .take)]),
        Story(
            testDescription: "nobody is told of a pair that is halfway through being replaced",
            steps: [
                Step(at: 0, reading: .failure(garbage), decision: .lookAgain),
                Step(at: 0.2, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 1.9, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 1.95, reading: new, decision: .take),
            ]),
        Story(
            testDescription: "nor of one that goes back to what it was",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 1, reading: old, decision: .keep),
                Step(at: 30, reading: .failure(mismatch), decision: .lookAgain),
            ]),
        Story(
            testDescription: "a fault that stays is told once",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 2, reading: .failure(mismatch), decision: .refuse(mismatch)),
                Step(at: 62, reading: .failure(mismatch), decision: .keep),
                Step(at: 122, reading: .failure(mismatch), decision: .keep),
            ]),
        Story(
            testDescription: "another fault is told too, and the first one not again",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 2, reading: .failure(mismatch), decision: .refuse(mismatch)),
                Step(at: 10, reading: .failure(garbage), decision: .lookAgain),
                Step(at: 12, reading: .failure(garbage), decision: .refuse(garbage)),
                Step(at: 20, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 22, reading: .failure(mismatch), decision: .keep),
            ]),
        Story(
            testDescription: "that all is well again is told to who was told of the fault; then it can be told anew",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 2, reading: .failure(mismatch), decision: .refuse(mismatch)),
                Step(at: 60, reading: old, decision: .recover),
                Step(at: 61, reading: old, decision: .keep),
                Step(at: 70, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 73, reading: .failure(mismatch), decision: .refuse(mismatch)),
            ]),
        Story(
            testDescription: "nobody is told of what is halfway through being mended",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 2, reading: .failure(mismatch), decision: .refuse(mismatch)),
                Step(at: 60, reading: .failure(garbage), decision: .lookAgain),
                Step(at: 60.2, reading: new, decision: .take),
            ]),
        Story(
            testDescription: "a good pair is taken after a fault was told",
            steps: [
                Step(at: 0, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 2, reading: .failure(mismatch), decision: .refuse(mismatch)),
                Step(at: 3, reading: new, decision: .take),
                Step(at: 4, reading: new, decision: .keep),
            ]),
        Story(
            testDescription: "who asks is told at once, every time",
            steps: [
                Step(at: 0, reading: .failure(mismatch), isAsked: true, decision: .refuse(mismatch)),
                Step(at: 0.2, reading: .failure(mismatch), decision: .lookAgain),
                Step(at: 1, reading: .failure(mismatch), isAsked: true, decision: .refuse(mismatch)),
                Step(at: 5, reading: .failure(mismatch), decision: .keep),
            ]),
        Story(
            testDescription: "who asks gets the new pair at once",
            steps: [Step(at: 0, reading: new, isAsked: true, decision: .take)]),
    ]

    @Test("A rotation", arguments: stories)
    func story(_ story: Story) {
        var rotation = Rotation(current: [[1]])
        let start = ContinuousClock.now
        for (index, step) in story.steps.enumerated() {
            let decision = rotation.decide(on: step.reading, now: start + .seconds(step.at), isAsked: step.isAsked)
            #expect(decision == step.decision, "step \(index)")
        }
    }
}
