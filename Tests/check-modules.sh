#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares the modules of Sources in three places: their imports, their dependencies in Package.swift, and the table in
# ARCHITECTURE.md; and the imports of tests with their dependencies. Prints one line per difference; exits with 1 if there is any.
#
#   --write   first updates the second column of the table from Package.swift
set -euo pipefail
cd "$(dirname "$0")/.."

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
swift package --scratch-path "$scratch" dump-package >"$scratch/package.json"
python3 - "$scratch/package.json" "${1:-}" <<'END'
import json, os, re, sys

DOCUMENT = "ARCHITECTURE.md"
HEADER = "| module | imports | purpose |"
# Modules of the toolchain and of libc. Foundation has a check of its own.
TOOLCHAIN = {"Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Swift", "Synchronization"}
LINKED_ONLY = {"CWipingFree"}  # Replaces functions of libc when it is linked; has nothing to import.
IMPORT = re.compile(
    r"^\s*(?:@\w+\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)")
UNSAFE = re.compile(r"\bunsafe\b")

differences = []
def differ(text): differences.append(text)

# Package.swift: own modules in order, with their own and foreign dependencies.
modules = {}
for target in json.load(open(sys.argv[1]))["targets"]:
    if target["type"] == "test" or target.get("path") or not os.path.isdir("Sources/" + target["name"]): continue
    names = set()
    for dependency in target["dependencies"]:
        names.add(next(iter(dependency.values()))[0])
    modules[target["name"]] = names
for name in sorted(os.listdir("Sources")):
    if os.path.isdir("Sources/" + name) and name not in modules: differ(f"Sources/{name}: no target in Package.swift")

order = list(modules)
for name in order:
    for other in modules[name]:
        if other in modules and order.index(other) < order.index(name):
            differ(f"Package.swift: {name} depends on {other}, which is above it")

# Sources: what each module imports, and whether it has unsafe code.
unsafe = set()
for name, declared in modules.items():
    imports, isSwift = {}, False
    for directory, _, files in os.walk("Sources/" + name):
        for file in sorted(files):
            if not file.endswith(".swift"): continue
            isSwift = True
            path = os.path.join(directory, file)
            for number, line in enumerate(open(path, encoding="utf-8"), 1):
                match = IMPORT.match(line)
                if match: imports.setdefault(match.group(1), f"{path}:{number}")
                elif UNSAFE.search(re.sub(r'"[^"]*"', "", line.split("//")[0])): unsafe.add(name)
    if not isSwift: continue
    for imported, place in sorted(imports.items()):
        if imported not in declared | TOOLCHAIN: differ(f"{place}: imports {imported}, which {name} does not declare")
    for unused in sorted(declared - set(imports) - LINKED_ONLY):
        differ(f"Package.swift: {name} declares {unused} and does not import it")

# Tests: an import that is not declared builds only if its module happens to be built before.
targets = {target["name"]: target for target in json.load(open(sys.argv[1]))["targets"]}
for name, target in targets.items():
    root = target.get("path") or "Tests/" + name
    if not root.startswith("Tests") or not os.path.isdir(root): continue
    declared = {next(iter(dependency.values()))[0] for dependency in target["dependencies"]} | {name}
    for part in target.get("sources") or [""]:
        for directory, _, files in os.walk(os.path.join(root, part)):
            for file in sorted(files):
                if not file.endswith(".swift"): continue
                path = os.path.join(directory, file)
                for number, line in enumerate(open(path, encoding="utf-8"), 1):
                    match = IMPORT.match(line)
                    if match and match.group(1) in targets and match.group(1) not in declared:
                        differ(f"{path}:{number}: imports {match.group(1)}, which {name} does not declare")

# The table.
text = open(DOCUMENT, encoding="utf-8").read()
start = text.index(HEADER)
end = text.index("\n\n", start)
rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text[start:end].split("\n")[2:]]
def own(name): return [other for other in modules if other in modules[name]]
def cell(name): return " ".join(f"`{other}`" for other in own(name))
if sys.argv[2] == "--write":
    for row in rows:
        name = row[0].strip("*`")
        if name in modules: row[1] = cell(name)
    lines = [HEADER, "|---|---|---|"] + ["| " + " | ".join(row) + " |" for row in rows]
    text = text[:start] + "\n".join(lines) + text[end:]
    open(DOCUMENT, "w", encoding="utf-8").write(text)
listed = [row[0].strip("*`") for row in rows]
for name in modules:
    if name not in listed: differ(f"{DOCUMENT}: {name} is not in the table")
for name, row in zip(listed, rows):
    if name not in modules:
        differ(f"{DOCUMENT}: {name} is in the table and does not exist")
        continue
    shown = re.findall(r"`(\w+)`", row[1])
    for other in sorted(set(shown) ^ set(own(name))): differ(f"{DOCUMENT}: {name}: the arrow to {other} is wrong")
    for other in own(name):
        if other in listed and listed.index(other) < listed.index(name):
            differ(f"{DOCUMENT}: {name} imports {other}, which is above it")
    if row[0].startswith("**") != (name in unsafe):
        differ(f"{DOCUMENT}: {name} {'has' if name in unsafe else 'has no'} unsafe code")

for difference in differences: print(difference)
print(f"{len(modules)} modules, {len(differences)} differences")
sys.exit(1 if differences else 0)
END
