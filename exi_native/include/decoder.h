/* What the two halves of the decoder share: decode.c walks the grammar, decode_value.c reads the values. */
#ifndef CCSEXI_DECODER_H
#define CCSEXI_DECODER_H

#include "bitstream.h"
#include "tables.h"

typedef struct exi_open_element {
    uint64_t index; /* the record on the tape */
    uint16_t record;
    uint16_t state;
    uint16_t word;  /* the field that is being read, for the report */
    uint16_t counter; /* items of the list that is being counted */
} exi_open_element;

typedef struct exi_decoder {
    exi_reader in;
    const exi_schema *schema;
    exi_workspace *work;
    uint64_t words;     /* tape in use */
    uint64_t blob_used;
    uint64_t steps;
    uint32_t depth;
    exi_open_element frames[EXI_MAX_DEPTH];
} exi_decoder;

/* One value of this type, as it stands on the tape; strings and octets go to the blob. */
int exi_take_value(exi_decoder *d, const exi_datatype *type, int64_t *value);

/* Second-level EE in place of a value: an empty string or binary (exi.md section 3, "Empty values"). */
int exi_empty_value(const exi_decoder *d, const exi_datatype *type, int64_t *value);

#endif
