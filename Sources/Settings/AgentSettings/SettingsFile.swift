// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The settings file as a flat list: the path of every setting and section, its value and its position.
///
/// Accepts a subset of YAML: one document of mappings. Anchors, aliases, tags and duplicate names are errors, so that
/// each line means what it says.
struct SettingsFile {
    enum Value: Equatable {
        case text(String)
        /// `name:` without a value.
        case nothing
        case list([Item])
        case section
    }

    /// An item of a list.
    struct Item: Equatable {
        /// Nil if the value is not text: a list, a mapping, or nothing.
        let text: String?
        let place: Place
    }

    struct Entry {
        let path: String
        let value: Value
        let place: Place
    }

    /// In the order of the file.
    private(set) var entries: [Entry] = []
    private(set) var diagnostics: [Diagnostic] = []

    private let file: String
    /// The first line of each path.
    private var lines: [String: Int] = [:]

    /// Settings have at most three levels. Deeper levels are skipped, to bound the recursion.
    private static let depthMax = 8

    /// - Parameters:
    ///   - file: the path of the file.
    ///   - place: where the file was named; nil for the default file, which may be missing.
    init(_ file: String, namedAt place: Place?) {
        self.file = file
        let (events, failure) = YAMLFile.read(path: file)
        for event in events where event.hasAnchor || event.kind == .alias {
            self.refuse(event, "anchors and aliases are not supported", remedy: "write the value out")
        }
        for event in events where event.hasTag {
            self.refuse(event, "tags ('!') are not supported", remedy: "remove the tag, and quote the value if needed")
        }
        var rest = events[...]
        self.takeDocument(off: &rest)
        switch failure {
        case nil: break
        case .system(call: _, code: ENOENT, reason: _) where place == nil: break
        case .system(let call, _, let reason):
            self.diagnostics.report(
                .error,
                at: place ?? .file(file),
                "\(call) \(file): \(reason)",
                remedy: "use a readable file"
            )
        case .syntax(let problem, let line, let column):
            self.diagnostics.report(
                .error,
                at: .file(file, line: line, column: column),
                "not YAML: \(problem)",
                remedy: "correct it"
            )
        }
    }

    private mutating func takeDocument(off events: inout ArraySlice<YAMLEvent>) {
        guard events.popFirst() != nil, let first = events.popFirst() else { return }
        switch first.kind {
        case .mappingStart: self.takeMembers(off: &events, under: "", depth: 1)
        case .scalar("", isPlain: true): break
        case .scalar, .sequenceStart, .sequenceEnd, .mappingEnd, .alias, .documentStart:
            self.refuse(first, "settings are lines of 'name: value'", remedy: "use this form")
            Self.pass(first, in: &events)
        }
        if let second = events.first {
            self.refuse(second, "a second document begins here", remedy: "keep one")
        }
    }

    /// Consumes the members of a mapping, and its end.
    private mutating func takeMembers(off events: inout ArraySlice<YAMLEvent>, under prefix: String, depth: Int) {
        while let event = events.popFirst(), event.kind != .mappingEnd {
            guard case .scalar(let name, _) = event.kind else {
                self.refuse(event, "a setting's name must be a word", remedy: "write 'name: value'")
                Self.pass(event, in: &events)
                if let value = events.popFirst() { Self.pass(value, in: &events) }
                continue
            }
            let path = prefix + name
            if let line = self.lines.updateValue(event.line, forKey: path) {
                self.refuse(event, "'\(path)' is already set on line \(line)", remedy: "remove one of the two")
            }
            self.takeValue(off: &events, of: path, named: event, depth: depth)
        }
    }

    private mutating func takeValue(
        off events: inout ArraySlice<YAMLEvent>,
        of path: String,
        named name: YAMLEvent,
        depth: Int
    ) {
        guard let event = events.popFirst() else { return }
        func found(_ value: Value) {
            self.entries.append(Entry(path: path, value: value, place: self.place(of: name)))
        }
        switch event.kind {
        case .scalar(let text, let isPlain):
            found(Self.isNothing(text, isPlain: isPlain) ? .nothing : .text(text))
        case .mappingStart where depth < Self.depthMax:
            found(.section)
            self.takeMembers(off: &events, under: path + ".", depth: depth + 1)
        case .mappingStart:
            found(.section)
            Self.pass(event, in: &events)
        case .sequenceStart:
            found(.list(self.takeItems(off: &events)))
        case .alias, .documentStart, .mappingEnd, .sequenceEnd:
            break
        }
    }

    /// Consumes the items of a list, and its end. A nested list or mapping gives an item without text.
    private func takeItems(off events: inout ArraySlice<YAMLEvent>) -> [Item] {
        var items: [Item] = []
        while let event = events.popFirst(), event.kind != .sequenceEnd {
            var item: String?
            if case .scalar(let text, let isPlain) = event.kind, !Self.isNothing(text, isPlain: isPlain) { item = text }
            items.append(Item(text: item, place: self.place(of: event)))
            Self.pass(event, in: &events)
        }
        return items
    }

    private static func isNothing(_ text: String, isPlain: Bool) -> Bool {
        isPlain && ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Skips what `event`, already consumed, has opened.
    private static func pass(_ event: YAMLEvent, in events: inout ArraySlice<YAMLEvent>) {
        var event = event
        var depth = 0
        while true {
            switch event.kind {
            case .mappingStart, .sequenceStart: depth += 1
            case .mappingEnd, .sequenceEnd: depth -= 1
            case .documentStart, .scalar, .alias: break
            }
            guard depth > 0, let next = events.popFirst() else { return }
            event = next
        }
    }

    private func place(of event: YAMLEvent) -> Place {
        .file(self.file, line: event.line, column: event.column)
    }

    private mutating func refuse(_ event: YAMLEvent, _ message: String, remedy: String) {
        self.diagnostics.report(.error, at: self.place(of: event), message, remedy: remedy)
    }
}
