/* Runs the properties over a list of inputs, without libFuzzer: standard input has one per line, numbers are decimal.
 *
 *   decode SCHEMA HEX             one input of check_decoding, control octets included
 *   encode SCHEMA HEX             one input of check_encoding, control octets included
 *   cuts SCHEMA FLAGS HEX         a message: whole, and cut after every bit (the rest of the octet is zeros)
 *   flips SCHEMA FLAGS HEX        a message with each of its bits inverted in turn
 *   bounds SCHEMA FLAGS HEX       a message within every smaller buffer and step limit
 *
 * At the end: lines "result CODE COUNT", "reached SCHEMA PLACE..." and "reachable SCHEMA PLACE..." (of productions in the
 * table), then "executions N". */
#include <inttypes.h>
#include <string.h>

#include "properties.h"
#include "rooms.h"
#include "tables.h"

enum { LONGEST = 1 << 22, SCHEMAS = 16, EVENTS = 1 << 16, CODES = 64 };

static struct {
    char line[2 * LONGEST + 64];
    uint8_t input[LONGEST + CONTROL];
    uint8_t seen[SCHEMAS][EVENTS]; /* by place of the production in the table */
    uint64_t results[CODES];
    uint64_t executions;
} replay;

void reached(uint32_t schema, uint32_t state, uint32_t code)
{
    if (state < ERROR_PLACE && code < exi_schemas[schema]->states[state].count)
        replay.seen[schema][(exi_schemas[schema]->states[state].first + code) % EVENTS] = 1;
}

/* The productions that input can come to: nothing follows what the library refuses (wildcards, text). Breadth first over
 * the states; a state that is full follows its list (exi_loop). */
static void reach(const exi_schema *schema, uint8_t *events)
{
    static uint16_t queue[EVENTS];
    static uint8_t queued[EVENTS];
    uint32_t length = 2; /* document and fragment */
    memset(queued, 0, sizeof queued);
    queue[0] = 0;
    queue[1] = 1;
    queued[0] = queued[1] = 1;
    for (uint32_t at = 0; at < length; at++) {
        const exi_state *state = &schema->states[queue[at]];
        for (uint32_t code = 0; code < state->count; code++) {
            const exi_production *p = &schema->productions[state->first + code];
            const int relaxed = p->kind == EXI_SE_RELAXED && p->type != 0;
            const int record = p->kind == EXI_SE_RECORD || relaxed;
            uint32_t next[] = {p->next, p->next, p->next};
            events[state->first + code] = 1;
            if (!record && p->kind != EXI_SE_SIMPLE && p->kind != EXI_AT && p->kind != EXI_CH)
                continue;
            if (record)
                next[1] = relaxed ? p->word : schema->records[p->type].state;
            if (p->loop != 0)
                next[2] = schema->loops[p->loop].full;
            for (unsigned n = 0; n < 3; n++)
                if (!queued[next[n]]) {
                    queued[next[n]] = 1;
                    queue[length++] = (uint16_t)next[n];
                }
        }
    }
}

static void print_events(const char *title, uint32_t schema, const uint8_t *events)
{
    printf("%s %u", title, schema);
    for (unsigned n = 0; n < EVENTS; n++)
        if (events[n] != 0)
            printf(" %u", n);
    printf("\n");
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "%s: %.80s\n", what, replay.line);
    exit(2);
}

static unsigned digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    if (found == NULL)
        stop("not hexadecimal");
    return (unsigned)(found - digits);
}

static size_t from_hex(const char *text, uint8_t *data)
{
    size_t size = 0;
    for (; text[0] != '\0' && text[0] != '\n'; text += 2) {
        if (size == LONGEST)
            stop("too long");
        data[size++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
    }
    return size;
}

/* The input ends where its memory ends, so that reading too far is noticed. */
static int64_t run(int encoding, uint32_t schema, const uint8_t *input, size_t size)
{
    uint8_t *exact = malloc(size);
    if (exact == NULL)
        stop("no memory");
    memcpy(exact, input, size);
    const int64_t result = encoding ? check_encoding(schema, exact, size) : check_decoding(schema, exact, size);
    free(exact);
    replay.executions++;
    replay.results[result < 0 ? -result % CODES : 0]++;
    return result;
}

static void cuts(uint32_t schema, size_t size)
{
    const uint64_t bits = 8 * (uint64_t)(size - CONTROL);
    const int64_t whole = run(0, schema, replay.input, size);
    for (uint64_t bit = bits; bit-- > 0;) {
        const size_t octets = (size_t)(bit / 8);
        const uint8_t kept = replay.input[CONTROL + octets];
        replay.input[CONTROL + octets] = (uint8_t)(bit % 8 == 0 ? 0 : kept & (0xFFU << (8 - bit % 8)));
        const int64_t result = run(0, schema, replay.input, CONTROL + octets + (bit % 8 == 0 ? 0 : 1));
        replay.input[CONTROL + octets] = kept;
        if (whole >= 0 && result >= 0 && result != whole && bit % 8 == 0)
            stop("cut off and still a message, another one");
    }
}

static void flips(uint32_t schema, size_t size)
{
    for (size_t bit = 8 * CONTROL; bit < 8 * size; bit++) {
        replay.input[bit / 8] ^= (uint8_t)(0x80U >> bit % 8);
        (void)run(0, schema, replay.input, size);
        replay.input[bit / 8] ^= (uint8_t)(0x80U >> bit % 8);
    }
}

static void one_line(void)
{
    char verb[16];
    unsigned schema;
    unsigned flags;
    int at = 0;
    char start[64]; /* sscanf looks for the end of its text first, and the line may be long */
    (void)snprintf(start, sizeof start, "%.63s", replay.line);
    if (sscanf(start, "%15s %u %n", verb, &schema, &at) != 2 || at == 0 || !properties_has(schema))
        stop("not a line of the form that replay.c describes");
    const char *text = replay.line + at;
    if (strcmp(verb, "decode") == 0 || strcmp(verb, "encode") == 0) {
        (void)run(verb[0] == 'e', schema, replay.input, from_hex(text, replay.input));
        return;
    }
    if (sscanf(start + at, "%u", &flags) != 1 || (text = strchr(text, ' ')) == NULL)
        stop("no flags");
    const size_t size = CONTROL + from_hex(text + 1, replay.input + CONTROL);
    replay.input[0] = (uint8_t)flags;
    replay.input[1] = 0;
    if (strcmp(verb, "cuts") == 0)
        cuts(schema, size);
    else if (strcmp(verb, "flips") == 0)
        flips(schema, size);
    else if (strcmp(verb, "bounds") == 0)
        replay.executions += check_bounds(schema | ((flags & FLAG_FRAGMENT) != 0 ? EXI_FRAGMENT : 0), replay.input + CONTROL, size - CONTROL);
    else
        stop("an unknown word");
}

int main(void)
{
    properties_begin();
    check_interface();
    while (fgets(replay.line, sizeof replay.line, stdin) != NULL)
        if (replay.line[0] != '#' && replay.line[0] != '\n')
            one_line();
    for (unsigned code = 0; code < CODES; code++)
        if (replay.results[code] != 0)
            printf("result %u %" PRIu64 "\n", code, replay.results[code]);
    for (uint32_t schema = 0; schema < SCHEMAS && properties_has(schema); schema++) {
        static uint8_t events[EVENTS];
        memset(events, 0, sizeof events);
        reach(exi_schemas[schema], events);
        print_events("reached", schema, replay.seen[schema]);
        print_events("reachable", schema, events);
    }
    printf("executions %" PRIu64 "\n", replay.executions);
    return 0;
}
