// SPDX-License-Identifier: Apache-2.0

import CYAML
import Glibc
import Linux
import LockedMemory

/// An event of a YAML parser. Lines and columns count from 1.
struct YAMLEvent {
    enum Kind: Equatable {
        case documentStart
        case mappingStart
        case mappingEnd
        case sequenceStart
        case sequenceEnd
        /// `isPlain`: without quotes, so that `null` and an empty text mean no value.
        case scalar(String, isPlain: Bool)
        case alias
    }

    let kind: Kind
    let line: Int
    let column: Int
    /// There is an anchor: `&name`.
    let hasAnchor: Bool
    /// There is a tag: `!type`.
    let hasTag: Bool
}

extension YAMLEvent.Kind {
    /// Number of levels that the event opens.
    fileprivate var depthChange: Int {
        switch self {
        case .mappingStart, .sequenceStart: 1
        case .mappingEnd, .sequenceEnd: -1
        case .documentStart, .scalar, .alias: 0
        }
    }
}

/// A YAML file as libyaml reads it. The only file of this module that handles pointers: libyaml's objects are made and
/// ended in ``parse(_:)``, and only values leave it.
enum YAMLFile {
    enum Failure: Error, Equatable {
        /// open(2) or read(2) failed with this `errno`.
        case system(call: String, code: Int32, reason: String)
        /// This is not YAML. There is no position where the text is not even UTF-8.
        case syntax(String, line: Int?, column: Int?)
    }

    /// The events up to the end of the file, or up to `failure`.
    static func read(path: String) -> (events: [YAMLEvent], failure: Failure?) {
        let opened: RegularFile
        do throws(RegularFile.Failure) {
            opened = try RegularFile(at: path)
        } catch {
            switch error {
            case .system(let failed): return ([], .system("open", code: failed.code))
            case .notRegular: return ([], .system(call: "read", code: EINVAL, reason: error.reason))
            }
        }
        guard let file = unsafe fdopen(dup(opened.descriptor.number), "r") else { return ([], .system("open")) }
        defer { unsafe fclose(file) }
        // One byte more than allowed, to distinguish a file of exactly the limit from a longer one.
        var text = [UInt8](repeating: 0, count: Self.byteCountMax + 1)
        let byteCount = unsafe text.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        guard unsafe ferror(file) == 0 else { return ([], .system("read")) }
        guard byteCount <= Self.byteCountMax else {
            let reason = "the file is longer than \(Self.byteCountMax / 1024) KiB"
            return ([], .system(call: "read", code: EFBIG, reason: reason))
        }
        // libyaml skips a byte order mark only if it chooses the encoding itself.
        let start = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        return Self.parse(text.span.extracting(start..<max(start, byteCount)))
    }

    /// Far more than all settings need.
    private static let byteCountMax = 1 << 20
    /// Settings have at most three levels. libyaml's scanner needs quadratic time for open brackets.
    private static let depthMax = 32

    /// Parses up to the end of the text, or up to `failure`.
    ///
    /// - Complexity: O(n). Directives and deep nesting, for which libyaml needs O(n²), are errors.
    static func parse(_ text: Span<UInt8>) -> (events: [YAMLEvent], failure: Failure?) {
        if let line = Self.firstDirective(in: text) {
            return ([], .syntax("directives ('%') are not supported", line: line, column: 1))
        }
        // libyaml keeps pointers into its parser, so the parser must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { unsafe parser.deallocate() }
        guard unsafe yaml_parser_initialize(parser) == 1 else { return ([], .system("read", code: ENOMEM)) }
        defer { unsafe yaml_parser_delete(parser) }
        return unsafe text.withUnsafeBufferPointer { text in
            unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
            unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            return unsafe Self.events(of: parser)
        }
    }

    @unsafe private static func events(
        of parser: UnsafeMutablePointer<yaml_parser_t>
    ) -> (events: [YAMLEvent], failure: Failure?) {
        var events: [YAMLEvent] = []
        var depth = 0
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) == 1 else {
                return (events, unsafe Self.syntaxFailure(of: parser.pointee))
            }
            defer { unsafe yaml_event_delete(&event) }
            if unsafe event.type == YAML_STREAM_END_EVENT { return (events, nil) }
            guard let event = unsafe YAMLEvent(event) else { continue }
            depth += event.kind.depthChange
            guard depth <= Self.depthMax else {
                let problem = "nested more than \(Self.depthMax) levels deep"
                return (events, .syntax(problem, line: event.line, column: event.column))
            }
            events.append(event)
        }
    }

    /// The line of the first `%` at the beginning of a line.
    private static func firstDirective(in text: Span<UInt8>) -> Int? {
        var line = 1
        var isAtStart = true
        for index in text.indices {
            let byte = text[index]
            if isAtStart, byte == UInt8(ascii: "%") { return line }
            isAtStart = byte == UInt8(ascii: "\n")
            if isAtStart { line += 1 }
        }
        return nil
    }

    private static func syntaxFailure(of parser: yaml_parser_t) -> Failure {
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not YAML"
        if unsafe parser.error == YAML_READER_ERROR {
            return .syntax("\(problem), at byte \(unsafe parser.problem_offset)", line: nil, column: nil)
        }
        let mark = unsafe parser.problem_mark
        return .syntax(problem, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}

extension YAMLFile.Failure {
    fileprivate static func system(_ call: String, code: Int32 = errno) -> Self {
        .system(call: call, code: code, reason: SecretFile.Failure.system(code).reason)
    }
}

extension YAMLEvent {
    /// Nil for events that are not needed: ends of documents and streams.
    fileprivate init?(_ event: yaml_event_t) {
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT:
            self.kind = .documentStart
        case YAML_MAPPING_START_EVENT:
            self.kind = .mappingStart
            unsafe (anchor, tag) = unsafe (event.data.mapping_start.anchor, event.data.mapping_start.tag)
        case YAML_MAPPING_END_EVENT:
            self.kind = .mappingEnd
        case YAML_SEQUENCE_START_EVENT:
            self.kind = .sequenceStart
            unsafe (anchor, tag) = unsafe (event.data.sequence_start.anchor, event.data.sequence_start.tag)
        case YAML_SEQUENCE_END_EVENT:
            self.kind = .sequenceEnd
        case YAML_ALIAS_EVENT:
            self.kind = .alias
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            self.kind = .scalar(unsafe String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
            unsafe (anchor, tag) = unsafe (scalar.anchor, scalar.tag)
        default:
            return nil
        }
        self.line = unsafe Int(event.start_mark.line) + 1
        self.column = unsafe Int(event.start_mark.column) + 1
        self.hasAnchor = unsafe anchor != nil
        self.hasTag = unsafe tag != nil
    }
}
