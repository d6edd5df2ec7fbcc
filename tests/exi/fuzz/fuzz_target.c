/* The libFuzzer target: EXI_FUZZ="decode 1" in the environment names direction and number of the schema. */
#include <string.h>

#include "properties.h"
#include "rooms.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* libFuzzer takes each of these for an edge of the program: the interpreter is one loop over tables, so that the
 * edges of its code say little about how far an input came in the grammar. */
enum { PLACES = 1 << 14 };
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t places[PLACES];

static struct {
    int encoding;
    uint32_t schema;
} target;

void reached(uint32_t schema, uint32_t state, uint32_t code)
{
    uint8_t *counter = &places[((schema + 16 * state) * UINT32_C(2654435761) + code * UINT32_C(2246822519)) >> 18];
    if (*counter < 255)
        ++*counter;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char direction[8];
    const char *asked = getenv("EXI_FUZZ");
    if (asked == NULL || sscanf(asked, "%7s %u", direction, &target.schema) != 2 || !properties_has(target.schema)) {
        (void)fprintf(stderr, "set EXI_FUZZ to \"decode N\" or \"encode N\", N the number of a schema\n");
        exit(2);
    }
    target.encoding = strcmp(direction, "encode") == 0;
    properties_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (target.encoding)
        (void)check_encoding(target.schema, data, size);
    else
        (void)check_decoding(target.schema, data, size);
    return 0;
}

static unsigned bit_of(const uint8_t *data, size_t at)
{
    return data[at / 8] >> (7 - at % 8) & 1U;
}

static void set_bit(uint8_t *data, size_t at, unsigned value)
{
    const uint8_t mask = (uint8_t)(0x80U >> at % 8);
    data[at / 8] = (uint8_t)(value != 0 ? data[at / 8] | mask : data[at / 8] & ~mask);
}

/* EXI is a stream of bits: fields are inserted, removed and overwritten at any bit, not only where an octet begins. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if ((seed & 1U) != 0 || size <= CONTROL + 1 || size + 4 > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    const unsigned width = 1 + (seed >> 1) % 24;
    const uint32_t value = seed * UINT32_C(2246822519) >> 7;
    size_t bits = size * 8;
    const size_t first = CONTROL * 8;
    const size_t at = first + (size_t)(seed * UINT64_C(11400714819323198485) >> 20) % (bits - first);
    switch (seed >> 6 & 3U) {
    case 0: /* insert */
        memset(data + size, 0, 4);
        for (size_t n = bits; n-- > at;)
            set_bit(data, n + width, bit_of(data, n));
        bits += width;
        break;
    case 1: /* remove */
        if (bits - at <= width)
            return at / 8 + 1;
        for (size_t n = at; n + width < bits; n++)
            set_bit(data, n, bit_of(data, n + width));
        return (bits - width + 7) / 8;
    default: /* overwrite */
        break;
    }
    for (unsigned n = 0; n < width && at + n < bits; n++)
        set_bit(data, at + n, value >> n & 1U);
    return (bits + 7) / 8;
}
