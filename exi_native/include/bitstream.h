/* Reading and writing bits, most significant first, and the variable-length unsigned integer of EXI (section 7.1.6). */
#ifndef CCSEXI_BITSTREAM_H
#define CCSEXI_BITSTREAM_H

#include "ccsexi.h"

typedef struct exi_reader {
    const uint8_t *data;
    uint64_t position; /* in bits */
    uint64_t end;      /* in bits */
} exi_reader;

typedef struct exi_writer {
    uint8_t *data;
    uint64_t position; /* in bits */
    uint64_t end;      /* in bits */
} exi_writer;

/* Up to 16 bits. */
static inline int exi_take(exi_reader *reader, unsigned count, uint32_t *value)
{
    if (reader->end - reader->position < count)
        return EXI_TRUNCATED;
    const uint8_t *octet = reader->data + (reader->position >> 3);
    const unsigned used = (unsigned)(reader->position & 7U);
    const unsigned needed = used + count; /* at most 23 */
    uint32_t gathered = 0;
    for (unsigned bits = 0; bits < needed; bits += 8)
        gathered = (gathered << 8) | *octet++;
    const unsigned surplus = (8U - (needed & 7U)) & 7U;
    *value = (gathered >> surplus) & ((UINT32_C(1) << count) - 1U);
    reader->position += count;
    return EXI_OK;
}

/* Up to 16 bits; the octets of the output need not be cleared before. */
static inline int exi_put(exi_writer *writer, unsigned count, uint32_t value)
{
    if (writer->end - writer->position < count)
        return EXI_OUTPUT_FULL;
    while (count > 0) {
        uint8_t *octet = writer->data + (writer->position >> 3);
        const unsigned used = (unsigned)(writer->position & 7U);
        const unsigned room = 8U - used;
        const unsigned part = count < room ? count : room;
        const uint32_t bits = (value >> (count - part)) & ((UINT32_C(1) << part) - 1U);
        if (used == 0)
            *octet = 0;
        *octet = (uint8_t)(*octet | (bits << (room - part)));
        writer->position += part;
        count -= part;
    }
    return EXI_OK;
}

int exi_take_unsigned(exi_reader *reader, uint64_t *value);
int exi_put_unsigned(exi_writer *writer, uint64_t value);

#endif
