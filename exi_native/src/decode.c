/* Decodes one EXI document into a tape, walking the state tables. Every step consumes at least one bit of the input,
 * every buffer is bounded, and the nesting is kept in an array of fixed length. */
#include "decoder.h"

/* Remember what has been read since `from`. */
static void note(exi_decoder *d, uint64_t from, unsigned kind, uint32_t state, uint32_t code, int64_t value)
{
    exi_workspace *work = d->work;
    if (work->trace == 0 || work->traced >= work->trace_size)
        return;
    exi_trace *entry = &work->trace[work->traced++];
    entry->bit = from;
    entry->bits = d->in.position - from;
    entry->value = value;
    entry->kind = (uint16_t)kind;
    entry->state = (uint16_t)state;
    entry->code = (uint16_t)code;
    entry->depth = (uint16_t)d->depth;
}

static int new_record(exi_decoder *d, uint16_t type, uint64_t *index)
{
    const exi_record *record = &d->schema->records[type];
    if (d->work->tape_words - d->words < record->words)
        return EXI_TAPE_FULL;
    int64_t *tape = d->work->tape + d->words;
    tape[0] = type;
    for (unsigned word = 1; word < record->words; word++)
        tape[word] = 0;
    const exi_slot *slot = d->schema->slots + record->first_slot;
    for (unsigned n = 0; n < record->slots; n++, slot++)
        if (slot->kind == EXI_SLOT_NUMBER && !slot->many)
            tape[slot->word] = EXI_ABSENT;
    *index = d->words;
    d->words += record->words;
    return EXI_OK;
}

/* Write a value into its field, or append it to the list of the field. */
static int place(exi_decoder *d, const exi_open_element *f, const exi_production *p, int64_t value)
{
    int64_t *field = d->work->tape + f->index + p->word;
    if (!p->many) {
        field[0] = value;
        return EXI_OK;
    }
    if (d->work->tape_words - d->words < 2)
        return EXI_TAPE_FULL;
    const int64_t node = (int64_t)d->words;
    d->words += 2;
    d->work->tape[node] = 0;
    d->work->tape[node + 1] = value;
    if (field[1] != 0)
        d->work->tape[field[1]] = node;
    else
        field[0] = node;
    field[1] = node;
    return EXI_OK;
}

/* A value with its entry in the trace. */
static int take_noted_value(exi_decoder *d, const exi_datatype *type, uint32_t state, uint32_t code, int64_t *value)
{
    const uint64_t from = d->in.position;
    const int error = exi_take_value(d, type, value);
    if (error == EXI_OK)
        note(d, from, EXI_TRACE_VALUE, state, code, *value);
    return error;
}

/* Content of an element of simple type: CH, value, EE; or second-level EE. */
static int take_simple_element(exi_decoder *d, const exi_datatype *type, uint32_t state, uint32_t event, int64_t *value)
{
    uint32_t code;
    uint64_t from = d->in.position;
    int error = exi_take(&d->in, 1, &code);
    if (error != EXI_OK)
        return error;
    note(d, from, EXI_TRACE_CONTENT, state, event, code);
    if (code == 0) {
        error = take_noted_value(d, type, state, event, value);
        from = d->in.position;
        if (error == EXI_OK)
            error = exi_take(&d->in, 1, &code);
        if (error != EXI_OK)
            return error;
        note(d, from, EXI_TRACE_CONTENT, state, event, code);
        return code == 0 ? EXI_OK : EXI_SECOND_LEVEL;
    }
    from = d->in.position;
    error = exi_take(&d->in, 3, &code); /* seven second-level events, EE first */
    if (error != EXI_OK)
        return error;
    note(d, from, EXI_TRACE_SECOND, state, event, code);
    return code == 0 ? exi_empty_value(d, type, value) : EXI_SECOND_LEVEL;
}

static int open_element(exi_decoder *d, const exi_production *p, exi_open_element *f, uint64_t *index)
{
    if (d->depth >= EXI_MAX_DEPTH)
        return EXI_TOO_DEEP;
    int error = new_record(d, p->type, index);
    if (error == EXI_OK && f->record != 0)
        error = place(d, f, p, (int64_t)*index);
    if (error != EXI_OK)
        return error;
    exi_open_element *inner = &d->frames[d->depth++];
    inner->index = *index;
    inner->record = p->type;
    inner->state = p->kind == EXI_SE_RELAXED ? p->word : d->schema->records[p->type].state;
    inner->word = 0;
    inner->counter = 0;
    return EXI_OK;
}

static int step(exi_decoder *d)
{
    exi_open_element *f = &d->frames[d->depth - 1];
    const exi_state *state = &d->schema->states[f->state];
    const exi_production *p = d->schema->productions + state->first;
    const uint16_t here = f->state;
    uint64_t from = d->in.position;
    uint32_t code;
    f->word = 0;
    if (d->work->step_limit != 0 && d->steps++ >= d->work->step_limit)
        return EXI_TOO_MANY_STEPS;
    int error = exi_take(&d->in, state->bits, &code);
    if (error != EXI_OK)
        return error;
    note(d, from, EXI_TRACE_EVENT, here, code, code);
    int64_t value = 0;
    uint64_t index;
    if (code >= state->count) {
        if (code > state->count || state->second_bits == 0)
            return EXI_BAD_EVENT_CODE;
        from = d->in.position;
        error = exi_take(&d->in, state->second_bits, &code);
        if (error != EXI_OK)
            return error;
        note(d, from, EXI_TRACE_SECOND, here, state->count, code);
        if (code != 0 || !state->empty_value)
            return EXI_SECOND_LEVEL;
        for (; p->kind != EXI_CH; p++) /* the generator sets empty_value only where there is one */
            ;
        f->word = p->word;
        error = exi_empty_value(d, &d->schema->datatypes[p->type], &value);
        if (error == EXI_OK)
            error = place(d, f, p, value);
        if (error == EXI_OK)
            d->depth--;
        return error;
    }
    p += code;
    f->word = p->word;
    f->state = exi_next_state(d->schema, p, &f->counter);
    if (f->record == 0)
        d->work->root = code;
    switch (p->kind) {
    case EXI_SE_SIMPLE:
        if (f->record == 0)
            return EXI_SIMPLE_ROOT;
        error = take_simple_element(d, &d->schema->datatypes[p->type], here, code, &value);
        return error == EXI_OK ? place(d, f, p, value) : error;
    case EXI_SE_RECORD:
        return open_element(d, p, f, &index);
    case EXI_AT:
    case EXI_CH:
        error = take_noted_value(d, &d->schema->datatypes[p->type], here, code, &value);
        return error == EXI_OK ? place(d, f, p, value) : error;
    case EXI_EE:
        d->depth--;
        return EXI_OK;
    case EXI_ANY:
        return EXI_WILDCARD;
    case EXI_SE_RELAXED:
        return p->type != 0 ? open_element(d, p, f, &index) : EXI_SIMPLE_ROOT;
    case EXI_ED: /* a fragment without an element */
        return EXI_BAD_EVENT_CODE;
    default:
        return EXI_MIXED_TEXT;
    }
}

/* After the root element of a fragment: ED, the last production, and nothing else. */
static int end_fragment(exi_decoder *d)
{
    const exi_state *state = &d->schema->states[1];
    const uint64_t from = d->in.position;
    uint32_t code;
    const int error = exi_take(&d->in, state->bits, &code);
    if (error != EXI_OK)
        return error;
    note(d, from, EXI_TRACE_EVENT, 1, code, code);
    return code + 1U == state->count ? EXI_OK : EXI_BAD_EVENT_CODE;
}

static int run(exi_decoder *d)
{
    uint32_t header;
    if (d->work->tape_words < 1 || d->work->blob_size < 1)
        return EXI_TAPE_FULL;
    d->work->tape[0] = 0;
    d->work->blob[0] = 0;
    int error = exi_take(&d->in, 8, &header);
    if (error != EXI_OK)
        return error;
    note(d, 0, EXI_TRACE_HEADER, 0, 0, header);
    if (header != 0x80) /* distinguishing bits 10, no options, final version 1 (EXI 1.0 section 5) */
        return EXI_BAD_HEADER;
    do
        error = step(d);
    while (error == EXI_OK && d->depth > 1);
    return error == EXI_OK && d->frames[0].state == 1 ? end_fragment(d) : error;
}

int64_t exi_decode(uint32_t schema, const uint8_t *data, uint64_t size, exi_workspace *work)
{
    exi_decoder d;
    work->depth = 0;
    work->trailing = 0;
    work->bit_position = 0;
    work->traced = 0;
    work->root = EXI_ANY_ROOT;
    const uint16_t content = (uint16_t)(schema >> 31); /* EXI_FRAGMENT: state 1 */
    schema &= ~EXI_FRAGMENT;
    if (schema >= exi_schema_count)
        return -EXI_UNKNOWN_SCHEMA;
    if (size > (UINT64_C(1) << 31)) /* keeps blob offsets inside 32 bits; a V2GTP payload is never that long */
        size = UINT64_C(1) << 31;
    d.in.data = data;
    d.in.position = 0;
    d.in.end = size * 8;
    d.schema = exi_schemas[schema];
    d.work = work;
    d.words = 1;
    d.blob_used = 1;
    d.steps = 0;
    d.depth = 1;
    d.frames[0].index = 0;
    d.frames[0].record = 0;
    d.frames[0].state = content;
    d.frames[0].word = 0;
    d.frames[0].counter = 0;
    const int error = run(&d);
    work->bit_position = d.in.position;
    if (error != EXI_OK) {
        for (uint32_t n = 1; n < d.depth; n++) {
            work->path[2 * work->depth] = d.frames[n].record;
            work->path[2 * work->depth + 1] = d.frames[n].word;
            work->depth++;
        }
        return -error;
    }
    work->trailing = size - (d.in.position + 7) / 8;
    work->tape[0] = (int64_t)d.blob_used;
    return (int64_t)d.words;
}
