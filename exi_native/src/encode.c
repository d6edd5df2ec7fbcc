/* Encodes a tape as one EXI document, walking the records in the order of their fields and the state tables beside
 * them. The tape is checked while it is read: indices, references, values. */
#include "bitstream.h"
#include "tables.h"

typedef struct frame {
    uint64_t index; /* the record on the tape */
    uint64_t node;  /* the list node to be written next; 0: none */
    uint16_t record;
    uint16_t state;
    uint16_t slot;  /* the field to be written next */
    uint16_t word;  /* the field that is being written, for the report */
    uint16_t counter; /* items of the list that is being counted */
} frame;

typedef struct encoder {
    exi_writer out;
    const exi_schema *schema;
    const int64_t *tape;
    uint64_t words;
    const uint8_t *blob;
    uint64_t blob_size;
    uint64_t steps;
    uint64_t step_limit;
    uint32_t depth;
    frame frames[EXI_MAX_DEPTH];
} encoder;

static int check_index(const encoder *e, int64_t index, uint64_t needed)
{
    return index > 0 && (uint64_t)index < e->words && e->words - (uint64_t)index >= needed ? EXI_OK : EXI_BAD_TAPE;
}

static int record_type(const encoder *e, int64_t index, uint16_t *type)
{
    if (check_index(e, index, 1) != EXI_OK)
        return EXI_BAD_TAPE;
    const int64_t found = e->tape[index];
    if (found < 1 || found >= (int64_t)e->schema->record_count)
        return EXI_BAD_TAPE;
    *type = (uint16_t)found;
    return check_index(e, index, e->schema->records[found].words);
}

static int reference(const encoder *e, int64_t value, const uint8_t **octets, uint64_t *length)
{
    const uint64_t offset = (uint64_t)value >> 32;
    *length = (uint64_t)value & 0xFFFFFFFFU;
    *octets = e->blob + offset;
    return value > 0 && offset <= e->blob_size && e->blob_size - offset >= *length ? EXI_OK : EXI_BAD_TAPE;
}

/* One character of UTF-8; the number of its octets, 0 when malformed. */
static unsigned character(const uint8_t *at, uint64_t left, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint32_t lead = at[0];
    unsigned length = 1;
    uint32_t total = lead;
    if (lead >= 0x80) {
        length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        total = lead & (length == 4 ? 0x07U : length == 3 ? 0x0FU : 0x1FU);
        if (lead < 0xC2 || lead > 0xF4 || left < length)
            return 0;
    }
    for (unsigned n = 1; n < length; n++) {
        if ((at[n] & 0xC0U) != 0x80)
            return 0;
        total = total << 6 | (at[n] & 0x3FU);
    }
    if (total < least[length] || total > 0x10FFFF || (total >= 0xD800 && total <= 0xDFFF))
        return 0;
    *value = total;
    return length;
}

static int check_length(const exi_datatype *type, uint64_t length)
{
    if (length > type->max_length)
        return EXI_TOO_LONG;
    return length < type->min_length ? EXI_TOO_SHORT : EXI_OK;
}

static int put_string(encoder *e, const exi_datatype *type, int64_t value)
{
    const uint8_t *octets;
    uint64_t length;
    uint64_t count = 0;
    uint32_t point;
    int error = reference(e, value, &octets, &length);
    if (error != EXI_OK)
        return error;
    for (uint64_t at = 0; at < length; count++) {
        const unsigned size = character(octets + at, length - at, &point);
        if (size == 0)
            return EXI_BAD_CHARACTER;
        at += size;
    }
    error = check_length(type, count);
    if (error == EXI_OK)
        error = exi_put_unsigned(&e->out, count + 2);
    for (uint64_t at = 0; at < length && error == EXI_OK;) {
        at += character(octets + at, length - at, &point);
        error = exi_put_unsigned(&e->out, point);
    }
    return error;
}

static int put_binary(encoder *e, const exi_datatype *type, int64_t value)
{
    const uint8_t *octets;
    uint64_t length;
    int error = reference(e, value, &octets, &length);
    if (error == EXI_OK)
        error = check_length(type, length);
    if (error == EXI_OK)
        error = exi_put_unsigned(&e->out, length);
    for (uint64_t at = 0; at < length && error == EXI_OK; at++)
        error = exi_put(&e->out, 8, octets[at]);
    return error;
}

/* An integer beyond the direct range, from the blob (layout: EXI_BIG). */
static int put_big(encoder *e, const exi_datatype *type, int64_t value)
{
    if (value < EXI_BIG)
        return EXI_BAD_TAPE;
    const uint64_t start = (uint64_t)(value - EXI_BIG);
    if (start > e->blob_size || e->blob_size - start < 5)
        return EXI_BAD_TAPE;
    const uint8_t *at = e->blob + start;
    uint64_t octets = (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
    const uint32_t sign = at[4];
    if (e->blob_size - start - 5 < octets || sign > 1)
        return EXI_BAD_TAPE;
    at += 5;
    uint64_t bits = octets * 8;
    while (bits > 0 && (at[(bits - 1) / 8] >> ((bits - 1) & 7U) & 1U) == 0)
        bits--;
    if (type->big_bits != 0xFFFF && bits > type->big_bits)
        return EXI_OUT_OF_RANGE;
    int error = EXI_OK;
    if (type->kind == EXI_SIGNED)
        error = exi_put(&e->out, 1, sign);
    else if (sign != 0)
        return EXI_OUT_OF_RANGE;
    uint64_t done = 0;
    do {
        uint32_t group = 0;
        for (unsigned n = 0; n < 7 && done + n < bits; n++)
            group |= ((uint32_t)at[(done + n) / 8] >> ((done + n) & 7U) & 1U) << n;
        done += 7;
        if (error == EXI_OK)
            error = exi_put(&e->out, 8, done < bits ? group | 0x80U : group);
    } while (done < bits && error == EXI_OK);
    return error;
}

static int put_integer(encoder *e, const exi_datatype *type, int64_t value)
{
    if (type->big_bits != 0 && value < EXI_DIRECT_MIN)
        return put_big(e, type, value);
    if (value < type->lo || value > type->hi)
        return EXI_OUT_OF_RANGE;
    int error = EXI_OK;
    if (type->kind == EXI_SIGNED)
        error = exi_put(&e->out, 1, value < 0 ? 1U : 0U);
    const uint64_t magnitude = value < 0 ? (uint64_t)(-(value + 1)) : (uint64_t)value;
    return error == EXI_OK ? exi_put_unsigned(&e->out, magnitude) : error;
}

static int put_value(encoder *e, const exi_datatype *type, int64_t value)
{
    switch (type->kind) {
    case EXI_BOOLEAN:
    case EXI_ENUMERATION:
        if (value < 1 || value > type->count)
            return EXI_BAD_ENUMERATION;
        return exi_put(&e->out, type->bits, (uint32_t)(value - 1));
    case EXI_NBIT:
        if (value < type->lo || value > type->hi)
            return EXI_OUT_OF_RANGE;
        return exi_put(&e->out, type->bits, (uint32_t)(value - type->lo));
    case EXI_STRING:
        return put_string(e, type, value);
    case EXI_BINARY:
        return put_binary(e, type, value);
    default:
        return put_integer(e, type, value);
    }
}

/* The production of the state for this field; for complex content also the type of the record must be right. */
static int put_event(encoder *e, frame *f, uint16_t word, uint16_t record, const exi_production **found)
{
    const exi_state *state = &e->schema->states[f->state];
    const exi_production *p = e->schema->productions + state->first;
    for (uint32_t code = 0; code < state->count; code++, p++) {
        if (p->word != word || (p->kind == EXI_SE_RECORD) != (record != 0) || (record != 0 && p->type != record))
            continue;
        if (p->kind != EXI_SE_RECORD && p->kind != EXI_SE_SIMPLE && p->kind != EXI_AT && p->kind != EXI_CH)
            continue;
        *found = p;
        f->state = exi_next_state(e->schema, p, &f->counter);
        return exi_put(&e->out, state->bits, code);
    }
    return EXI_NOT_ALLOWED_HERE;
}

static int is_element_of(const exi_production *p, uint16_t record)
{
    return (p->kind == EXI_SE_RECORD || p->kind == EXI_SE_RELAXED) && p->type == record;
}

/* The root element: the wanted one, or the first one whose content is such a record. */
static int put_root(encoder *e, frame *f, uint32_t *root, uint16_t record, uint16_t *start)
{
    const exi_state *state = &e->schema->states[f->state];
    const exi_production *p = e->schema->productions + state->first;
    uint32_t code = 0;
    if (*root != EXI_ANY_ROOT)
        code = *root;
    else
        while (code < state->count && !is_element_of(&p[code], record))
            code++;
    if (code >= state->count || !is_element_of(&p[code], record))
        return *root == EXI_ANY_ROOT ? EXI_NOT_ALLOWED_HERE : EXI_BAD_ROOT;
    *root = code;
    *start = p[code].kind == EXI_SE_RELAXED ? p[code].word : e->schema->records[record].state;
    return exi_put(&e->out, state->bits, code);
}

static int open_record(encoder *e, uint16_t type, uint16_t state, int64_t index)
{
    if (e->depth >= EXI_MAX_DEPTH)
        return EXI_TOO_DEEP;
    frame *inner = &e->frames[e->depth++];
    inner->index = (uint64_t)index;
    inner->node = 0;
    inner->record = type;
    inner->state = state;
    inner->slot = 0;
    inner->word = 0;
    inner->counter = 0;
    return EXI_OK;
}

static int put_field(encoder *e, frame *f, const exi_slot *slot, int64_t value)
{
    const exi_production *p;
    uint16_t type = 0;
    int error = EXI_OK;
    if (slot->kind == EXI_SLOT_RECORD)
        error = record_type(e, value, &type);
    if (error == EXI_OK)
        error = put_event(e, f, slot->word, type, &p);
    if (error != EXI_OK)
        return error;
    if (slot->kind == EXI_SLOT_RECORD)
        return open_record(e, type, e->schema->records[type].state, value);
    const int element = p->kind == EXI_SE_SIMPLE; /* its content: CH, value, EE */
    if (element)
        error = exi_put(&e->out, 1, 0);
    if (error == EXI_OK)
        error = put_value(e, &e->schema->datatypes[p->type], value);
    if (error == EXI_OK && element)
        error = exi_put(&e->out, 1, 0);
    return error;
}

static int close_record(encoder *e, frame *f)
{
    const exi_state *state = &e->schema->states[f->state];
    const exi_production *p = e->schema->productions + state->first;
    f->word = 0;
    for (uint32_t code = 0; code < state->count; code++, p++)
        if (p->kind == EXI_EE) {
            e->depth--;
            return exi_put(&e->out, state->bits, code);
        }
    p = e->schema->productions + state->first;
    f->word = p->word; /* what should have come */
    return EXI_INCOMPLETE;
}

static int step(encoder *e)
{
    frame *f = &e->frames[e->depth - 1];
    const exi_record *record = &e->schema->records[f->record];
    if (e->steps++ >= e->step_limit)
        return EXI_TOO_MANY_STEPS;
    if (f->slot >= record->slots)
        return close_record(e, f);
    const exi_slot *slot = e->schema->slots + record->first_slot + f->slot;
    const int64_t field = e->tape[f->index + slot->word];
    f->word = slot->word;
    if (!slot->many) {
        f->slot++;
        if (field == (slot->kind == EXI_SLOT_NUMBER ? EXI_ABSENT : 0))
            return EXI_OK;
        return put_field(e, f, slot, field);
    }
    const int64_t node = f->node != 0 ? (int64_t)f->node : field;
    if (node == 0) {
        f->slot++;
        return EXI_OK;
    }
    if (check_index(e, node, 2) != EXI_OK)
        return EXI_BAD_TAPE;
    const int64_t next = e->tape[node];
    f->node = (uint64_t)next;
    if (next == 0)
        f->slot++;
    return put_field(e, f, slot, e->tape[node + 1]);
}

static int run(encoder *e, uint32_t *root)
{
    uint16_t type;
    uint16_t start;
    if (e->words < 1)
        return EXI_BAD_TAPE;
    int error = exi_put(&e->out, 8, 0x80);
    if (error == EXI_OK)
        error = record_type(e, e->tape[0], &type);
    if (error == EXI_OK)
        error = put_root(e, &e->frames[0], root, type, &start);
    if (error == EXI_OK)
        error = open_record(e, type, start, e->tape[0]);
    while (error == EXI_OK && e->depth > 1)
        error = step(e);
    if (error != EXI_OK || e->frames[0].state == 0)
        return error;
    const exi_state *fragment = &e->schema->states[1]; /* ED is its last production */
    return exi_put(&e->out, fragment->bits, fragment->count - 1U);
}

int64_t exi_encode(uint32_t schema, const int64_t *tape, uint64_t words, const uint8_t *blob, uint64_t blob_size,
                   exi_workspace *work)
{
    encoder e;
    work->depth = 0;
    work->trailing = 0;
    work->bit_position = 0;
    const uint16_t content = (uint16_t)(schema >> 31); /* EXI_FRAGMENT: state 1 */
    schema &= ~EXI_FRAGMENT;
    if (schema >= exi_schema_count)
        return -EXI_UNKNOWN_SCHEMA;
    e.out.data = work->output;
    e.out.position = 0;
    e.out.end = work->output_size * 8;
    e.schema = exi_schemas[schema];
    e.tape = tape;
    e.words = words;
    e.blob = blob;
    e.blob_size = blob_size;
    e.steps = 0;
    e.step_limit = 4 * words + 16; /* a tree takes fewer: one step per field and node, one to close */
    if (work->step_limit != 0 && work->step_limit < e.step_limit)
        e.step_limit = work->step_limit;
    e.depth = 1;
    e.frames[0].index = 0;
    e.frames[0].node = 0;
    e.frames[0].record = 0;
    e.frames[0].state = content;
    e.frames[0].slot = 0;
    e.frames[0].word = 0;
    e.frames[0].counter = 0;
    const int error = run(&e, &work->root);
    work->bit_position = e.out.position;
    if (error != EXI_OK) {
        for (uint32_t n = 1; n < e.depth; n++) {
            work->path[2 * work->depth] = e.frames[n].record;
            work->path[2 * work->depth + 1] = e.frames[n].word;
            work->depth++;
        }
        return -error;
    }
    return (int64_t)((e.out.position + 7) / 8);
}
