/* What the two halves of the encoder share: encode.c walks records and grammar, encode_value.c writes the values. */
#ifndef CCSEXI_ENCODER_H
#define CCSEXI_ENCODER_H

#include "bitstream.h"
#include "tables.h"

typedef struct exi_open_record {
    uint64_t index; /* the record on the tape */
    uint64_t node;  /* the list node to be written next; 0: none */
    uint16_t record;
    uint16_t state;
    uint16_t slot;  /* the field to be written next */
    uint16_t word;  /* the field that is being written, for the report */
    uint16_t counter; /* items of the list that is being counted */
} exi_open_record;

typedef struct exi_encoder {
    exi_writer out;
    const exi_schema *schema;
    const int64_t *tape;
    uint64_t words;
    const uint8_t *blob;
    uint64_t blob_size;
    uint64_t steps;
    uint64_t step_limit;
    uint32_t depth;
    exi_open_record frames[EXI_MAX_DEPTH];
} exi_encoder;

/* One value as it stands on the tape; references into the blob are checked. */
int exi_put_value(exi_encoder *e, const exi_datatype *type, int64_t value);

#endif
