/* Encodes a tape as one EXI document, walking the records in the order of their fields and the state tables beside
 * them. The tape is checked while it is read: indices, references, values. */
#include "encoder.h"

static int check_index(const exi_encoder *e, int64_t index, uint64_t needed)
{
    return index > 0 && (uint64_t)index < e->words && e->words - (uint64_t)index >= needed ? EXI_OK : EXI_BAD_TAPE;
}

static int record_type(const exi_encoder *e, int64_t index, uint16_t *type)
{
    if (check_index(e, index, 1) != EXI_OK)
        return EXI_BAD_TAPE;
    const int64_t found = e->tape[index];
    if (found < 1 || found >= (int64_t)e->schema->record_count)
        return EXI_BAD_TAPE;
    *type = (uint16_t)found;
    return check_index(e, index, e->schema->records[found].words);
}

/* The production of the state for this field; for complex content also the type of the record must be right. */
static int put_event(exi_encoder *e, exi_open_record *f, uint16_t word, uint16_t record, const exi_production **found)
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
static int put_root(exi_encoder *e, exi_open_record *f, uint32_t *root, uint16_t record, uint16_t *start)
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

static int open_record(exi_encoder *e, uint16_t type, uint16_t state, int64_t index)
{
    if (e->depth >= EXI_MAX_DEPTH)
        return EXI_TOO_DEEP;
    exi_open_record *inner = &e->frames[e->depth++];
    inner->index = (uint64_t)index;
    inner->node = 0;
    inner->record = type;
    inner->state = state;
    inner->slot = 0;
    inner->word = 0;
    inner->counter = 0;
    return EXI_OK;
}

static int put_field(exi_encoder *e, exi_open_record *f, const exi_slot *slot, int64_t value)
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
        error = exi_put_value(e, &e->schema->datatypes[p->type], value);
    if (error == EXI_OK && element)
        error = exi_put(&e->out, 1, 0);
    return error;
}

static int close_record(exi_encoder *e, exi_open_record *f)
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

static int step(exi_encoder *e)
{
    exi_open_record *f = &e->frames[e->depth - 1];
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

static int run(exi_encoder *e, uint32_t *root)
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
    exi_encoder e;
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
