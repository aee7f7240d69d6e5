// SPDX-License-Identifier: Apache-2.0

/// Guesses which name an operator meant by an unknown one.
enum Spelling {
    /// The remedy for an unknown name: a question with the probable name, otherwise `otherwise`.
    static func remedy(for word: String, among names: some Sequence<String>, otherwise: String) -> String {
        Self.nearest(to: word, among: names).map { "did you mean '\($0)'?" } ?? otherwise
    }

    /// The name nearest to `word`, if at most two characters or a quarter of them differ. The first of equally near
    /// ones.
    static func nearest(to word: String, among names: some Sequence<String>) -> String? {
        let farthest = max(2, word.utf8.count / 4)
        let candidates = names.map { (name: $0, distance: Self.distance($0, word)) }
        return candidates.min { $0.distance < $1.distance }.flatMap { $0.distance <= farthest ? $0.name : nil }
    }

    /// The Levenshtein distance of two texts, in bytes.
    static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        // The distances of the processed prefix of `left` to every prefix of `right`.
        var row = Array(0...right.count)
        for (index, byte) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
