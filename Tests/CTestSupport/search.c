// SPDX-License-Identifier: Apache-2.0

#include "CTestSupport.h"

#include <stdlib.h>
#include <string.h>

// Every eighth byte of a text is an anchor: its 8 bytes from there are in a hash table. A run of 16 bytes, wherever it
// begins, holds a whole anchor, so that looking up the 8 bytes at each place in memory finds all runs. What is found is
// compared in both directions before it counts. A bit field in front of the table, which fits into a processor's cache,
// answers nearly every look-up with no.

enum { anchor_byte_count = 8, run_byte_count_min = 16 };

struct anchor {
    uint64_t bytes;
    uint32_t text;
    /// 0 marks a free place, so that it is the offset plus one.
    uint32_t offset_plus_one;
};

struct testsupport_index {
    uint8_t *bytes;
    uint32_t *starts;
    struct anchor *table;
    uint64_t *filter;
    /// The table has 1 << table_bits places, the filter 1 << filter_bits bits.
    unsigned table_bits, filter_bits;
};

static uint64_t load(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t hash(uint64_t value) {
    value *= 0x9e3779b97f4a7c15;
    return value ^ (value >> 29);
}

static void insert(struct testsupport_index *index, struct anchor anchor) {
    uint64_t mixed = hash(anchor.bytes);
    uint64_t bit = mixed >> (64 - index->filter_bits);
    index->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    uint64_t mask = (UINT64_C(1) << index->table_bits) - 1;
    uint64_t place = mixed & mask;
    while (index->table[place].offset_plus_one != 0) place = (place + 1) & mask;
    index->table[place] = anchor;
}

struct testsupport_index *testsupport_index_make(const uint8_t *bytes, const uint32_t *starts, uint32_t count) {
    struct testsupport_index *index = calloc(1, sizeof *index);
    if (index == NULL) return NULL;
    size_t byte_count = starts[count];
    size_t anchor_count = byte_count / anchor_byte_count;
    index->table_bits = 10;
    while ((UINT64_C(1) << index->table_bits) < anchor_count * 2) index->table_bits++;
    index->filter_bits = index->table_bits + 3;
    index->bytes = malloc(byte_count + 1);
    index->starts = malloc((count + 1) * sizeof *starts);
    index->table = calloc(UINT64_C(1) << index->table_bits, sizeof *index->table);
    index->filter = calloc((UINT64_C(1) << index->filter_bits) / 64, sizeof *index->filter);
    if (index->bytes == NULL || index->starts == NULL || index->table == NULL || index->filter == NULL) {
        testsupport_index_free(index);
        return NULL;
    }
    memcpy(index->bytes, bytes, byte_count);
    memcpy(index->starts, starts, (count + 1) * sizeof *starts);
    for (uint32_t text = 0; text < count; text++) {
        for (uint32_t at = starts[text]; at + anchor_byte_count <= starts[text + 1]; at += anchor_byte_count) {
            insert(index, (struct anchor){load(bytes + at), text, at - starts[text] + 1});
        }
    }
    return index;
}

void testsupport_index_free(struct testsupport_index *index) {
    free(index->bytes);
    free(index->starts);
    free(index->table);
    free(index->filter);
    free(index);
}

/// The run around memory[at] that is the text's around the anchor.
static struct testsupport_match extend(
    const struct testsupport_index *index, const uint8_t *memory, size_t byte_count, size_t at, struct anchor anchor) {
    const uint8_t *text = index->bytes + index->starts[anchor.text];
    size_t text_byte_count = index->starts[anchor.text + 1] - index->starts[anchor.text];
    size_t offset = anchor.offset_plus_one - 1;
    size_t before = 0, behind = anchor_byte_count;
    while (before < at && before < offset && memory[at - before - 1] == text[offset - before - 1]) before++;
    while (at + behind < byte_count && offset + behind < text_byte_count
           && memory[at + behind] == text[offset + behind]) behind++;
    return (struct testsupport_match){at - before, before + behind, anchor.text, (uint32_t)(offset - before)};
}

/// The longest run around memory[at]; of 0 bytes if there is none that counts.
static struct testsupport_match find(
    const struct testsupport_index *index, const uint8_t *memory, size_t byte_count, size_t at, uint64_t bytes) {
    struct testsupport_match longest = {0};
    uint64_t mask = (UINT64_C(1) << index->table_bits) - 1;
    for (uint64_t place = hash(bytes) & mask; index->table[place].offset_plus_one != 0; place = (place + 1) & mask) {
        if (index->table[place].bytes != bytes) continue;
        struct testsupport_match match = extend(index, memory, byte_count, at, index->table[place]);
        if (match.byte_count >= run_byte_count_min && match.byte_count > longest.byte_count) longest = match;
    }
    return longest;
}

size_t testsupport_index_search(
    const struct testsupport_index *index, const uint8_t *memory, size_t byte_count,
    struct testsupport_match *matches, size_t matches_max) {
    size_t count = 0;
    for (size_t at = 0; at + anchor_byte_count <= byte_count; at++) {
        uint64_t bytes = load(memory + at);
        if (bytes == 0) continue;  // Most of memory. No text has eight zeroes: they are all random or printable.
        uint64_t bit = hash(bytes) >> (64 - index->filter_bits);
        if ((index->filter[bit / 64] >> (bit % 64) & 1) == 0) continue;
        struct testsupport_match match = find(index, memory, byte_count, at, bytes);
        if (match.byte_count == 0) continue;
        if (count < matches_max) matches[count] = match;
        count++;
        at = match.offset + match.byte_count - 1;
    }
    return count;
}
