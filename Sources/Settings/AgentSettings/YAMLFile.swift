// SPDX-License-Identifier: Apache-2.0

import CYAML
import Glibc
import Linux
import LockedMemory

/// One step through a YAML file. Lines and columns count from 1.
struct YAMLEvent {
    enum Kind: Equatable {
        case documentStart
        case mappingStart
        case mappingEnd
        case sequenceStart
        case sequenceEnd
        /// `isPlain`: without quotes, so that `null` and nothing at all mean nothing.
        case scalar(String, isPlain: Bool)
        case alias
    }

    let kind: Kind
    let line: Int
    let column: Int
    /// There is a `&name` for aliases to refer to.
    let hasAnchor: Bool
}

/// A YAML file as libyaml reads it. The only file of this module that handles pointers: libyaml's objects are made and
/// ended in ``read(path:)``, and only values leave it.
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
        // libyaml keeps pointers into its parser, which therefore must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { unsafe parser.deallocate() }
        guard unsafe yaml_parser_initialize(parser) == 1 else { return ([], .system("read", code: ENOMEM)) }
        defer { unsafe yaml_parser_delete(parser) }
        unsafe yaml_parser_set_input_file(parser, file)

        var events: [YAMLEvent] = []
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) == 1 else {
                let failure = unsafe ferror(file) != 0 ? Failure.system("read") : Self.syntaxFailure(of: parser.pointee)
                return (events, failure)
            }
            defer { unsafe yaml_event_delete(&event) }
            if unsafe event.type == YAML_STREAM_END_EVENT { return (events, nil) }
            if let event = unsafe YAMLEvent(event) { events.append(event) }
        }
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
    /// Nil for the ends of documents and streams, which say nothing.
    fileprivate init?(_ event: yaml_event_t) {
        let anchor: UnsafeMutablePointer<yaml_char_t>?
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT:
            (self.kind, unsafe anchor) = (.documentStart, nil)
        case YAML_MAPPING_START_EVENT:
            (self.kind, unsafe anchor) = unsafe (.mappingStart, event.data.mapping_start.anchor)
        case YAML_MAPPING_END_EVENT:
            (self.kind, unsafe anchor) = (.mappingEnd, nil)
        case YAML_SEQUENCE_START_EVENT:
            (self.kind, unsafe anchor) = unsafe (.sequenceStart, event.data.sequence_start.anchor)
        case YAML_SEQUENCE_END_EVENT:
            (self.kind, unsafe anchor) = (.sequenceEnd, nil)
        case YAML_ALIAS_EVENT:
            (self.kind, unsafe anchor) = (.alias, nil)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            self.kind = .scalar(unsafe String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
            unsafe anchor = unsafe scalar.anchor
        default:
            return nil
        }
        self.line = unsafe Int(event.start_mark.line) + 1
        self.column = unsafe Int(event.start_mark.column) + 1
        self.hasAnchor = unsafe anchor != nil
    }
}
