// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport

/// What is asked, in full.
struct SealedQuestion: Hashable, CustomStringConvertible {
    let name: KeyName
    let ciphertext: [UInt8]
    let context: [UInt8]

    var description: String {
        let (ciphertext, context) = (
            String(decoding: self.ciphertext, as: UTF8.self), String(decoding: self.context, as: UTF8.self)
        )
        return "\(self.name)/\(ciphertext)/\(context)"
    }
}

/// A plaintext, of which nobody needs to see the bytes.
struct Plaintext: Equatable {
    let number: Int
    let byteCount: Int
}

/// Keys that come and go, each time as another key under the same name, and who may use them.
struct SimulatedKeyServer {
    enum Reach: CaseIterable {
        case answering
        /// It will answer, but not before it is well again.
        case slow
        case partitioned
    }

    /// Short, and of few letters: fields that are moved against each other are often questions, too.
    static let names = ["a", "ab", "abb", "b", "ba"].map(KeyName.named)

    var reach = Reach.answering
    var forbidden: Set<KeyName> = []
    static let endpoints = 0..<3
    /// Endpoints that return wrong plaintexts, and whether they return the same ones.
    var liars: Set<Int> = []
    var liarsCollude = false
    private var keys: [KeyName: Int] = [:]
    private var lastKey = 0
    private var sealed: [SealedQuestion: (key: Int, plaintext: Plaintext)] = [:]

    init() { for name in Self.names.dropLast() { self.create(name) } }

    func exists(_ name: KeyName) -> Bool { self.keys[name] != nil }

    /// What was sealed, whoever may open it.
    func plaintext(of question: SealedQuestion) -> Plaintext? { self.sealed[question]?.plaintext }

    mutating func create(_ name: KeyName) {
        guard self.keys[name] == nil else { return }
        self.lastKey += 1
        self.keys[name] = self.lastKey
    }

    mutating func delete(_ name: KeyName) { self.keys[name] = nil }

    func open(_ question: SealedQuestion, at endpoint: Int) throws(KeyServiceError) -> Plaintext {
        let key = try self.key(question.name)
        guard let sealed = self.sealed[question], sealed.key == key else { throw .decryptionFailed }
        return self.liars.contains(endpoint) ? self.lie(about: sealed.plaintext, at: endpoint) : sealed.plaintext
    }

    func lie(about plaintext: Plaintext, at endpoint: Int) -> Plaintext {
        let lie = self.liarsCollude ? 1 : endpoint + 2
        // Some lies have another length, too.
        let byteCount = plaintext.number % 3 == 0 ? 40 : plaintext.byteCount
        return Plaintext(number: plaintext.number + lie * Self.lieDistance, byteCount: byteCount)
    }

    private static let lieDistance = 1_000_000

    /// Whether a plaintext is that of a question, or a lie about it.
    func concerns(_ plaintext: Plaintext, _ question: SealedQuestion) -> Bool {
        self.sealed[question]?.plaintext.number == plaintext.number % Self.lieDistance
    }

    mutating func seal(
        _ name: KeyName, context: [UInt8], _ lots: inout SeededGenerator
    ) throws(KeyServiceError) -> SealedQuestion {
        let key = try self.key(name)
        var question: SealedQuestion
        repeat {
            let length = Int.random(in: 4...9 + self.sealed.count / 500, using: &lots)
            let ciphertext = (0..<length).map { _ in UInt8(ascii: "a") + UInt8(lots.next() & 1) }
            question = SealedQuestion(name: name, ciphertext: ciphertext, context: context)
        } while self.sealed[question] != nil
        let byteCount = [0, 16, 32, 32, 32, 32, 32, 64, 65, 500].randomElement(using: &lots) ?? 32
        self.sealed[question] = (key, Plaintext(number: self.sealed.count + 1, byteCount: byteCount))
        return question
    }

    private func key(_ name: KeyName) throws(KeyServiceError) -> Int {
        guard let key = self.keys[name] else { throw .keyNotFound }
        guard !self.forbidden.contains(name) else { throw .notAllowed }
        return key
    }
}
