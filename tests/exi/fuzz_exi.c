/* Feeds damaged messages and damaged tapes to the EXI library; run by test_exi_fuzz.py, built with sanitizers.
 *
 * Standard input: lines "SCHEMA_NUMBER HEX" with good messages. Argument: number of rounds. Every input and buffer is
 * allocated with its exact size, so that one octet too far is noticed. What decodes must encode, and decode again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ccsexi.h"

enum { SEEDS = 600, LENGTH = 1500, TAPE = 4096, BLOB = 8192, OUTPUT = 8192 };

static uint8_t seeds[SEEDS][LENGTH];
static size_t lengths[SEEDS];
static uint32_t schemas[SEEDS];
static uint64_t state = UINT64_C(88172645463325252); /* xorshift64 */

static uint64_t below(uint64_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit == 0 ? 0 : state % limit;
}

static void *exactly(size_t size)
{
    void *memory = malloc(size == 0 ? 1 : size);
    if (memory == NULL)
        abort();
    return memory;
}

static void fail(const char *what, int64_t code)
{
    printf("%s: %ld\n", what, (long)code);
    abort();
}

static size_t damage(uint8_t *data, size_t length)
{
    for (uint64_t change = below(6); change > 0 && length > 0; change--) {
        const size_t at = below(length);
        switch (below(4)) {
        case 0:
            data[at] ^= (uint8_t)(1U << below(8));
            break;
        case 1:
            data[at] = (uint8_t)below(256);
            break;
        case 2:
            length = at;
            break;
        default:
            if (length < LENGTH) {
                memmove(data + at + 1, data + at, length - at);
                length++;
            }
        }
    }
    return length;
}

static void again(uint32_t schema, const uint8_t *octets, uint64_t size)
{
    static int64_t tape[TAPE];
    static uint8_t blob[BLOB];
    exi_workspace work = {.tape = tape, .blob = blob, .tape_words = TAPE, .blob_size = BLOB};
    const int64_t result = exi_decode(schema, octets, size, &work);
    if (result < 0 || work.trailing != 0)
        fail("an encoded message does not decode", result);
}

static int one_round(size_t count)
{
    uint8_t data[LENGTH + 8];
    const size_t seed = below(count);
    memcpy(data, seeds[seed], lengths[seed]);
    const size_t length = damage(data, lengths[seed]);
    uint8_t *input = exactly(length);
    memcpy(input, data, length);
    exi_workspace work = {.tape_words = below(8) ? TAPE : below(200), .blob_size = below(8) ? BLOB : below(50),
                          .output_size = below(8) ? OUTPUT : below(80)};
    work.tape = exactly(8 * work.tape_words);
    work.blob = exactly(work.blob_size);
    work.output = exactly(work.output_size);
    const int64_t words = exi_decode(schemas[seed], input, length, &work);
    if (words >= 0) {
        const uint64_t blob_used = (uint64_t)work.tape[0];
        work.tape[0] = 1; /* the root is the first record */
        const int64_t size = exi_encode(schemas[seed], work.tape, (uint64_t)words, work.blob, blob_used, &work);
        if (size < 0 && size != -EXI_OUTPUT_FULL)
            fail("a decoded message does not encode", size);
        if (size >= 0)
            again(schemas[seed], work.output, (uint64_t)size);
        for (int change = 0; change < 3; change++)
            work.tape[below((uint64_t)words)] = (int64_t)(below(3) ? below((uint64_t)words + 2) : below(UINT64_MAX));
        (void)exi_encode(schemas[seed], work.tape, (uint64_t)words, work.blob, blob_used, &work);
    }
    free(input);
    free(work.tape);
    free(work.blob);
    free(work.output);
    return words >= 0;
}

int main(int argc, char **argv)
{
    static char text[2 * LENGTH + 2];
    unsigned number;
    size_t count = 0;
    while (count < SEEDS && scanf("%u %3001s", &number, text) == 2) {
        lengths[count] = strlen(text) / 2;
        for (size_t at = 0; at < lengths[count]; at++) {
            unsigned octet;
            if (sscanf(text + 2 * at, "%2x", &octet) != 1)
                fail("not hexadecimal", (int64_t)count);
            seeds[count][at] = (uint8_t)octet;
        }
        schemas[count++] = number;
    }
    const long rounds = argc > 1 ? atol(argv[1]) : 1000;
    long good = 0;
    for (long round = 0; round < rounds; round++)
        good += one_round(count);
    printf("%zu seeds, %ld rounds, %ld decoded\n", count, rounds, good);
    return count == 0;
}
