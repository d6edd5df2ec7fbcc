/* Checks one input against everything that the header of the library promises; see properties.h. */
#include "properties.h"

#include <inttypes.h>
#include <string.h>

#include "rooms.h"
#include "tables.h"

enum {
    TAPE_WORDS = 16384,
    BLOB_OCTETS = 65536,
    OUTPUT_OCTETS = 65536,
    TRACE_ENTRIES = 4096
};

static struct {
    room tape, blob, output, trace;        /* of the call that is tested */
    room second_tape, second_blob, second_output; /* of the call that checks its result */
} rooms;

void properties_begin(void)
{
    room_begin(&rooms.tape, TAPE_WORDS * sizeof(int64_t));
    room_begin(&rooms.blob, BLOB_OCTETS);
    room_begin(&rooms.output, OUTPUT_OCTETS);
    room_begin(&rooms.trace, TRACE_ENTRIES * sizeof(exi_trace));
    room_begin(&rooms.second_tape, TAPE_WORDS * sizeof(int64_t));
    room_begin(&rooms.second_blob, BLOB_OCTETS);
    room_begin(&rooms.second_output, OUTPUT_OCTETS);
}

int properties_has(uint32_t schema)
{
    return schema < exi_schema_count;
}

static void fail(const char *what, int64_t number)
{
    (void)fprintf(stderr, "PROPERTY VIOLATED: %s (%" PRId64 ")\n", what, number);
    abort();
}

static uint64_t bit(int code)
{
    return UINT64_C(1) << code;
}

/* What is left when a call has failed or succeeded: a known code, a position inside, a path that names fields. */
static void check_report(uint32_t schema, int64_t result, const exi_workspace *work, uint64_t bits, uint64_t lawful)
{
    if (work->bit_position > bits)
        fail("the bit position is outside", (int64_t)work->bit_position);
    if (work->depth > EXI_MAX_DEPTH)
        fail("the path is too long", (int64_t)work->depth);
    if (result >= 0)
        return;
    if (result < -63 || (lawful & bit((int)-result)) == 0)
        fail("not an error of this direction", result);
    const exi_schema *tables = exi_schemas[schema & ~EXI_FRAGMENT];
    for (uint64_t n = 0; n < work->depth; n++) {
        const uint32_t record = work->path[2 * n];
        if (record == 0 || record >= tables->record_count)
            fail("the path names no record", record);
        if (work->path[2 * n + 1] >= tables->records[record].words)
            fail("the path names no field", work->path[2 * n + 1]);
        reached(schema & ~EXI_FRAGMENT, ERROR_PLACE + (uint32_t)-result, record << 8 ^ work->path[2 * n + 1]);
    }
}

static uint64_t errors_of_decoding(void)
{
    return bit(EXI_TRUNCATED) | bit(EXI_BAD_HEADER) | bit(EXI_BAD_EVENT_CODE) | bit(EXI_SECOND_LEVEL) | bit(EXI_WILDCARD) |
           bit(EXI_MIXED_TEXT) | bit(EXI_STRING_TABLE) | bit(EXI_BAD_CHARACTER) | bit(EXI_OUT_OF_RANGE) |
           bit(EXI_BAD_ENUMERATION) | bit(EXI_TOO_LONG) | bit(EXI_TOO_SHORT) | bit(EXI_SIMPLE_ROOT) | bit(EXI_TAPE_FULL) |
           bit(EXI_BLOB_FULL) | bit(EXI_TOO_DEEP) | bit(EXI_TOO_MANY_STEPS);
}

static uint64_t errors_of_encoding(void)
{
    return bit(EXI_BAD_CHARACTER) | bit(EXI_OUT_OF_RANGE) | bit(EXI_BAD_ENUMERATION) | bit(EXI_TOO_LONG) | bit(EXI_TOO_SHORT) |
           bit(EXI_OUTPUT_FULL) | bit(EXI_TOO_DEEP) | bit(EXI_TOO_MANY_STEPS) | bit(EXI_NOT_ALLOWED_HERE) |
           bit(EXI_INCOMPLETE) | bit(EXI_BAD_TAPE) | bit(EXI_BAD_ROOT);
}

/* The trace tells every bit once, in order, and no more events than allowed. */
static void check_trace(uint32_t schema, int64_t result, const exi_workspace *work)
{
    uint64_t position = 0;
    uint64_t events = 0;
    if (work->traced > work->trace_size)
        fail("more trace in use than there is", (int64_t)work->traced);
    for (uint64_t n = 0; n < work->traced; n++) {
        const exi_trace *entry = work->trace + n;
        if (entry->bit != position)
            fail("the trace has a gap", (int64_t)n);
        position += entry->bits;
        if (entry->kind == EXI_TRACE_EVENT) {
            events++;
            reached(schema & ~EXI_FRAGMENT, entry->state, entry->code);
        }
    }
    if (position > work->bit_position || (result >= 0 && work->traced < work->trace_size && position != work->bit_position))
        fail("the trace does not end where reading stopped", (int64_t)position);
    if (work->step_limit != 0 && events > work->step_limit + 1) /* the end of a fragment is no step */
        fail("more events than the step limit", (int64_t)events);
}

/* Every event takes at least one bit: this limit can never be the one that stops decoding. */
static uint64_t steps_that_suffice(uint64_t size)
{
    return 8 * size + 1;
}

static int64_t decode(uint32_t schema, const uint8_t *data, uint64_t size, exi_workspace *work)
{
    const int64_t result = exi_decode(schema, data, size, work);
    check_report(schema, result, work, size * 8, errors_of_decoding());
    check_trace(schema, result, work);
    if (result == -EXI_TOO_MANY_STEPS && (work->step_limit == 0 || work->step_limit >= steps_that_suffice(size)))
        fail("more events than bits", result);
    if (result < 0)
        return result;
    if (result < 2 || (uint64_t)result > work->tape_words)
        fail("more tape in use than there is", result);
    if (work->tape[0] < 1 || (uint64_t)work->tape[0] > work->blob_size)
        fail("more blob in use than there is", work->tape[0]);
    if ((work->bit_position + 7) / 8 + work->trailing != size)
        fail("the octets of the message and the trailing ones are not all of them", (int64_t)work->trailing);
    return result;
}

static int64_t encode(uint32_t schema, const int64_t *tape, uint64_t words, const uint8_t *blob, uint64_t blob_size,
                      exi_workspace *work)
{
    const int64_t result = exi_encode(schema, tape, words, blob, blob_size, work);
    check_report(schema, result, work, work->output_size * 8, errors_of_encoding());
    if (result >= 0 && (uint64_t)result != (work->bit_position + 7) / 8)
        fail("the octets written are not those counted", result);
    return result;
}

/* The value of an integer word that may lie in the blob (EXI_BIG) and fits into the direct range all the same. */
static int64_t settled(int64_t word, const uint8_t *blob, uint64_t used)
{
    if (word >= EXI_DIRECT_MIN || word == EXI_ABSENT || (uint64_t)(word - EXI_BIG) + 5 > used)
        return word;
    const uint8_t *at = blob + (word - EXI_BIG);
    if (at[0] > 8 || (at[1] | at[2] | at[3]) != 0)
        return word;
    uint64_t magnitude = 0;
    for (unsigned n = at[0]; n > 0; n--)
        magnitude = magnitude << 8 | at[4 + n];
    if (magnitude > (uint64_t)EXI_DIRECT_MAX)
        return word;
    return at[4] != 0 ? -(int64_t)magnitude - 1 : (int64_t)magnitude;
}

/* Equal octets that two words refer to: a text or a binary, or a large integer. */
static int same_octets(int64_t one, const exi_workspace *first, int64_t two, const exi_workspace *second)
{
    uint64_t from = (uint64_t)one >> 32;
    uint64_t to = (uint64_t)two >> 32;
    uint64_t length = (uint64_t)one & 0xFFFFFFFFU;
    uint64_t other = (uint64_t)two & 0xFFFFFFFFU;
    if (one < 0 && two < 0) {
        from = (uint64_t)(one - EXI_BIG);
        to = (uint64_t)(two - EXI_BIG);
        if (from > (uint64_t)first->tape[0] - 5 || to > (uint64_t)second->tape[0] - 5)
            return 0;
        length = 5U + first->blob[from] + 256U * first->blob[from + 1]; /* the blob here is not longer than that */
        other = 5U + second->blob[to] + 256U * second->blob[to + 1];
    }
    return length == other && from + length <= (uint64_t)first->tape[0] && to + length <= (uint64_t)second->tape[0] &&
           memcmp(first->blob + from, second->blob + to, length) == 0;
}

static int same_value(int64_t one, const exi_workspace *first, int64_t two, const exi_workspace *second)
{
    return one == two || settled(one, first->blob, (uint64_t)first->tape[0]) == two || same_octets(one, first, two, second);
}

/* Two records say the same: equal fields, wherever on the tape they lie. Nesting is bounded by EXI_MAX_DEPTH, which
 * decoding has kept to. */
static int same_record(const exi_schema *tables, int64_t one, const exi_workspace *first, int64_t two, const exi_workspace *second)
{
    if (first->tape[one] != second->tape[two])
        return 0;
    const exi_record *record = &tables->records[first->tape[one]];
    for (unsigned n = 0; n < record->slots; n++) {
        const exi_slot *slot = &tables->slots[record->first_slot + n];
        int64_t here = first->tape[one + slot->word];
        int64_t there = second->tape[two + slot->word];
        const int number = slot->kind == EXI_SLOT_NUMBER && !slot->many; /* 0 is a value, otherwise an absent field */
        do {
            if (!number && (here == 0 || there == 0)) {
                if (here != there)
                    return 0;
                break;
            }
            const int64_t value = slot->many ? first->tape[here + 1] : here;
            const int64_t other = slot->many ? second->tape[there + 1] : there;
            if (!(slot->kind == EXI_SLOT_RECORD ? same_record(tables, value, first, other, second) : same_value(value, first, other, second)))
                return 0;
            here = slot->many ? first->tape[here] : 0;
            there = slot->many ? second->tape[there] : 0;
        } while (slot->many);
    }
    return 1;
}

/* The message is the same. Usually every octet of tape and blob is; they lie elsewhere when an integer had more groups
 * than it needs, or when the lists of a repeated choice (KeyInfo, X509Data) were interleaved: those are sent in the
 * order of the schema (exi_native/README.md). */
static void check_same(uint32_t schema, const exi_workspace *first, int64_t words, const exi_workspace *second, int64_t again)
{
    if (again != words)
        fail("a message that was encoded and decoded again has another number of words", again);
    if (first->tape[0] == second->tape[0] && memcmp(first->tape + 1, second->tape + 1, (size_t)(words - 1) * sizeof(int64_t)) == 0 &&
        memcmp(first->blob, second->blob, (size_t)first->tape[0]) == 0)
        return;
    if (!same_record(exi_schemas[schema & ~EXI_FRAGMENT], 1, first, 1, second))
        fail("a message that was encoded and decoded again says something else", words);
}

/* What was decoded encodes, decodes again, says the same, and encodes to the same octets. The number of octets, or
 * -EXI_OUTPUT_FULL. */
static int64_t check_round_trip(uint32_t schema, exi_workspace *work, int64_t words, uint64_t output_size)
{
    const uint64_t blob_used = (uint64_t)work->tape[0];
    work->output = room_open(&rooms.output, output_size);
    work->output_size = output_size;
    exi_workspace second = {.tape = room_open(&rooms.second_tape, TAPE_WORDS * sizeof(int64_t)),
                            .blob = room_open(&rooms.second_blob, BLOB_OCTETS),
                            .output = room_open(&rooms.second_output, OUTPUT_OCTETS),
                            .tape_words = TAPE_WORDS, .blob_size = BLOB_OCTETS, .output_size = OUTPUT_OCTETS};
    work->tape[0] = 1; /* the root is the first record */
    work->step_limit = 0;
    const int64_t size = encode(schema, work->tape, (uint64_t)words, work->blob, blob_used, work);
    work->tape[0] = (int64_t)blob_used;
    if (size < 0) {
        if (size != -EXI_OUTPUT_FULL || output_size == OUTPUT_OCTETS)
            fail("a decoded message does not encode", size);
        return size;
    }
    uint8_t *octets = room_resize(&rooms.output, (size_t)size);
    const int64_t again = decode(schema, octets, (uint64_t)size, &second);
    if (again < 0 || second.trailing != 0 || second.root != work->root)
        fail("an encoded message does not decode", again);
    check_same(schema, work, words, &second, again);
    const uint64_t used = (uint64_t)second.tape[0];
    second.tape[0] = 1;
    if (encode(schema, second.tape, (uint64_t)again, second.blob, used, &second) != size || memcmp(second.output, octets, (size_t)size) != 0)
        fail("the same message encodes to other octets", size);
    return size;
}

/* What a message may use, and what it has used. */
typedef struct limits {
    uint64_t tape_words, blob_size, output_size, trace_size, steps;
} limits;

static limits enough(uint64_t size)
{
    return (limits){TAPE_WORDS, BLOB_OCTETS, OUTPUT_OCTETS, TRACE_ENTRIES, steps_that_suffice(size)};
}

/* The number of words of the tape, or a negated error of decoding; -EXI_OUTPUT_FULL when it cannot be encoded. */
static int64_t check_message(uint32_t schema, const uint8_t *data, uint64_t size, const limits *allowed, limits *used)
{
    exi_workspace work = {.tape_words = allowed->tape_words, .blob_size = allowed->blob_size, .trace_size = allowed->trace_size,
                          .step_limit = allowed->steps};
    work.tape = room_open(&rooms.tape, work.tape_words * sizeof(int64_t));
    work.blob = room_open(&rooms.blob, work.blob_size);
    work.trace = room_open(&rooms.trace, work.trace_size * sizeof(exi_trace));
    const int64_t words = decode(schema, data, size, &work);
    if (words < 0)
        return words;
    used->tape_words = (uint64_t)words;
    used->blob_size = (uint64_t)work.tape[0];
    used->trace_size = work.traced;
    used->steps = 0;
    for (uint64_t n = 0; n < work.traced; n++)
        used->steps += work.trace[n].kind == EXI_TRACE_EVENT;
    if ((schema & EXI_FRAGMENT) != 0)
        used->steps--; /* the end of a fragment is no step */
    const uint64_t trailing = work.trailing;
    const int64_t encoded = check_round_trip(schema, &work, words, allowed->output_size);
    work.trailing = trailing;
    used->output_size = encoded < 0 ? 0 : (uint64_t)encoded;
    return encoded < 0 ? encoded : words;
}

/* Without its last octets a message is truncated and nothing else. */
static void check_cut(uint32_t schema, const uint8_t *data, uint64_t size, uint64_t number)
{
    exi_workspace work = {.tape_words = TAPE_WORDS, .blob_size = BLOB_OCTETS};
    work.tape = room_open(&rooms.tape, work.tape_words * sizeof(int64_t));
    work.blob = room_open(&rooms.blob, work.blob_size);
    if (decode(schema, data, size, &work) < 0)
        fail("a message that decoded does not decode", (int64_t)size);
    const uint64_t left = number % (size - work.trailing);
    if (decode(schema, data, left, &work) != -EXI_TRUNCATED)
        fail("a message without its end is not truncated", (int64_t)left);
}

int64_t check_decoding(uint32_t schema, const uint8_t *input, size_t size)
{
    if (size < CONTROL)
        return -EXI_TRUNCATED;
    const unsigned flags = input[0];
    const uint64_t number = input[1];
    const uint8_t *data = input + CONTROL;
    const uint64_t length = size - CONTROL;
    limits allowed = enough(length);
    limits used;
    if (flags & FLAG_SMALL_TAPE)
        allowed.tape_words = number;
    if (flags & FLAG_SMALL_BLOB)
        allowed.blob_size = number;
    if (flags & FLAG_SMALL_OUTPUT)
        allowed.output_size = number;
    if (flags & FLAG_SMALL_TRACE)
        allowed.trace_size = number;
    if (flags & FLAG_FEW_STEPS)
        allowed.steps = number;
    if (flags & FLAG_FRAGMENT)
        schema |= EXI_FRAGMENT;
    const int64_t words = check_message(schema, data, length, &allowed, &used);
    if (words >= 0 && (flags & FLAG_CUT))
        check_cut(schema, data, length, number);
    return words;
}

/* One bound after the other is lowered to every value below what the message needs. */
uint64_t check_bounds(uint32_t schema, const uint8_t *data, size_t size)
{
    const limits plenty = enough(size);
    limits needed;
    limits used;
    if (check_message(schema, data, size, &plenty, &needed) < 0)
        return 1;
    if (needed.trace_size == TRACE_ENTRIES)
        return 1; /* its events cannot be counted */
    needed.blob_size++; /* an integer is read by groups of 7 bits: its last octet may turn out to be empty */
    if (check_message(schema, data, size, &needed, &used) < 0)
        fail("a message does not fit into what it used", (int64_t)size);
    uint64_t count = 2;
    limits allowed = plenty;
    for (allowed.tape_words = 0; allowed.tape_words < needed.tape_words; allowed.tape_words++, count++)
        if (check_message(schema, data, size, &allowed, &used) != -EXI_TAPE_FULL)
            fail("more tape than allowed", (int64_t)allowed.tape_words);
    allowed = plenty;
    for (allowed.blob_size = 1; allowed.blob_size + 1 < needed.blob_size; allowed.blob_size++, count++)
        if (check_message(schema, data, size, &allowed, &used) != -EXI_BLOB_FULL)
            fail("more blob than allowed", (int64_t)allowed.blob_size);
    allowed = plenty;
    for (allowed.output_size = 0; allowed.output_size < needed.output_size; allowed.output_size++, count++)
        if (check_message(schema, data, size, &allowed, &used) != -EXI_OUTPUT_FULL)
            fail("more output than allowed", (int64_t)allowed.output_size);
    allowed = plenty;
    for (allowed.steps = 1; allowed.steps < needed.steps; allowed.steps++, count++)
        if (check_message(schema, data, size, &allowed, &used) != -EXI_TOO_MANY_STEPS)
            fail("more steps than allowed", (int64_t)allowed.steps);
    return count;
}

void check_interface(void)
{
    static const uint8_t response[] = {0x80, 0x40, 0x80}; /* SAP supportedAppProtocolRes: OK, no SchemaID */
    exi_workspace work = {.tape = room_open(&rooms.tape, TAPE_WORDS * sizeof(int64_t)), .blob = room_open(&rooms.blob, BLOB_OCTETS),
                          .output = room_open(&rooms.output, OUTPUT_OCTETS), .tape_words = TAPE_WORDS, .blob_size = BLOB_OCTETS,
                          .output_size = OUTPUT_OCTETS, .root = EXI_ANY_ROOT};
    if (exi_abi_version() != EXI_ABI_VERSION || exi_workspace_size() != sizeof work || strlen(exi_table_hash()) != 64)
        fail("the library is of another interface", exi_abi_version());
    for (uint64_t schema = exi_schema_count; schema < EXI_FRAGMENT; schema += 1 + schema / 2)
        for (int fragment = 0; fragment < 2; fragment++) {
            const uint32_t number = (uint32_t)schema | (fragment ? EXI_FRAGMENT : 0);
            if (exi_decode(number, response, sizeof response, &work) != -EXI_UNKNOWN_SCHEMA ||
                exi_encode(number, work.tape, 0, work.blob, 0, &work) != -EXI_UNKNOWN_SCHEMA)
                fail("a schema that does not exist", (int64_t)schema);
        }
    if (exi_encode(0, work.tape, 0, work.blob, 0, &work) != -EXI_BAD_TAPE)
        fail("an empty tape", 0);
    /* said to be of 2^33 octets: the message ends in the third, so that no more is read */
    if (decode(0, response, sizeof response, &work) < 0 || exi_decode(0, response, UINT64_C(1) << 33, &work) < 0)
        fail("a message at the start of a large buffer", (int64_t)work.bit_position);
}

static int64_t word_at(const uint8_t *octets)
{
    int64_t word;
    memcpy(&word, octets, sizeof word); /* the order of the octets does not matter: any word will do */
    return word;
}

/* One word of a good tape becomes something that is close to right or far from it. */
static void edit(int64_t *tape, uint64_t *words, uint8_t *blob, uint64_t *blob_used, const uint8_t *how)
{
    const uint64_t place = (uint64_t)how[1] << 8 | how[2];
    const int64_t value = how[3];
    int64_t *word = tape + place % *words;
    switch (how[0] % 18) {
    case 0: *word = value; break;
    case 1: *word = 0; break;
    case 2: *word = EXI_ABSENT; break;
    case 3: *word = -value; break;
    case 4: *word = tape[(uint64_t)value % *words]; break;
    case 5: *word = (int64_t)(((uint64_t)value * 257) % *words); break;
    case 6: *word = EXI_BIG + value; break;
    case 7: *word = EXI_DIRECT_MIN - (value & 1); break;
    case 8: *word = EXI_DIRECT_MAX + (value & 1); break;
    case 9: *word = INT64_MAX - value; break;
    case 10: *word = (int64_t)((uint64_t)*word + (uint64_t)value - 128); break;
    case 11: *word = (int64_t)((uint64_t)*word ^ UINT64_C(1) << (value & 63)); break;
    case 12: *word = (value & 15) << 32 | value >> 4; break;
    case 13: *word = (int64_t)((uint64_t)*word << 8 | (uint64_t)value); break;
    case 14: *words = 1 + place % *words; break;
    case 15: *blob_used = 1 + place % *blob_used; break;
    case 16: blob[place % *blob_used] = (uint8_t)value; break;
    default: tape[0] = (int64_t)(place % *words); break;
    }
}

/* A tape from the input as it is: octets to words. */
static void raw_tape(const uint8_t *data, uint64_t length, unsigned part, uint64_t *words, uint64_t *blob_used)
{
    const uint64_t tape_octets = length * part / 255;
    *words = tape_octets / sizeof(int64_t) < TAPE_WORDS ? tape_octets / sizeof(int64_t) : TAPE_WORDS;
    *blob_used = length - tape_octets < BLOB_OCTETS ? length - tape_octets : BLOB_OCTETS;
    int64_t *tape = room_open(&rooms.tape, *words * sizeof(int64_t));
    for (uint64_t n = 0; n < *words; n++)
        tape[n] = word_at(data + n * sizeof(int64_t));
    uint8_t *blob = room_open(&rooms.blob, *blob_used);
    if (*blob_used > 0)
        memcpy(blob, data + tape_octets, *blob_used);
}

/* A tape from a message in the input, then changed; 0 when there is no message. */
static int edited_tape(uint32_t schema, const uint8_t *data, uint64_t length, unsigned edits, uint64_t *words, uint64_t *blob_used)
{
    if (edits > EDITS_AT_MOST)
        edits = EDITS_AT_MOST;
    if (length < (uint64_t)edits * EDIT)
        return 0;
    const uint8_t *message = data + edits * EDIT;
    exi_workspace work = {.tape = room_open(&rooms.tape, TAPE_WORDS * sizeof(int64_t)), .blob = room_open(&rooms.blob, BLOB_OCTETS),
                          .tape_words = TAPE_WORDS, .blob_size = BLOB_OCTETS};
    const int64_t result = decode(schema, message, length - edits * EDIT, &work);
    if (result < 0)
        return 0;
    *words = (uint64_t)result;
    *blob_used = (uint64_t)work.tape[0];
    work.tape[0] = 1;
    for (unsigned n = 0; n < edits; n++)
        edit(work.tape, words, work.blob, blob_used, data + n * EDIT);
    return 1;
}

int64_t check_encoding(uint32_t schema, const uint8_t *input, size_t size)
{
    uint64_t words = 0;
    uint64_t blob_used = 0;
    if (size < CONTROL + 1)
        return -EXI_BAD_TAPE;
    const unsigned flags = input[0];
    const uint8_t *data = input + CONTROL + 1;
    if (flags & FLAG_FRAGMENT)
        schema |= EXI_FRAGMENT;
    if (flags & FLAG_RAW)
        raw_tape(data, size - CONTROL - 1, input[CONTROL], &words, &blob_used);
    else if (!edited_tape(schema, data, size - CONTROL - 1, input[CONTROL], &words, &blob_used))
        return -EXI_BAD_TAPE;
    exi_workspace work = {.output_size = flags & FLAG_SMALL_OUTPUT ? input[1] : OUTPUT_OCTETS,
                          .step_limit = flags & FLAG_FEW_STEPS ? input[1] : 0,
                          .root = flags & FLAG_ROOT ? input[1] : EXI_ANY_ROOT};
    work.output = room_open(&rooms.output, work.output_size);
    /* copied, so that the rooms end exactly where tape and blob do */
    int64_t *tape = room_open(&rooms.second_tape, words * sizeof(int64_t));
    uint8_t *blob = room_open(&rooms.second_blob, blob_used);
    memcpy(tape, rooms.tape.memory, words * sizeof(int64_t));
    memcpy(blob, rooms.blob.memory, blob_used);
    const int64_t result = encode(schema, tape, words, blob, blob_used, &work);
    if (result < 0)
        return result;
    exi_workspace second = {.tape = room_open(&rooms.tape, TAPE_WORDS * sizeof(int64_t)), .blob = room_open(&rooms.blob, BLOB_OCTETS),
                            .tape_words = TAPE_WORDS, .blob_size = BLOB_OCTETS};
    const int64_t again = decode(schema, room_resize(&rooms.output, (size_t)result), (uint64_t)result, &second);
    if (again == -EXI_TAPE_FULL || again == -EXI_BLOB_FULL) /* a tape that shares its records says more than it holds */
        return result;
    if (again < 0 || second.trailing != 0 || second.root != work.root)
        fail("a tape that was encoded does not decode", again);
    (void)check_round_trip(schema, &second, again, OUTPUT_OCTETS);
    return result;
}
