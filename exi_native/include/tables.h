/* Layout of the generated tables: what the interpreter knows about a schema. */
#ifndef CCSEXI_TABLES_H
#define CCSEXI_TABLES_H

#include "ccsexi.h"

enum exi_datatype_kind { EXI_BOOLEAN, EXI_ENUMERATION, EXI_NBIT, EXI_UNSIGNED, EXI_SIGNED, EXI_STRING, EXI_BINARY };

typedef struct exi_datatype {
    uint8_t kind;
    uint8_t bits;      /* width of boolean, enumeration, n-bit integer */
    uint16_t count;    /* number of enumeration values */
    uint16_t big_bits; /* greatest width of a magnitude beyond the direct range; 0: none, 0xFFFF: no limit */
    int64_t lo;        /* bounds within the direct range */
    int64_t hi;
    uint32_t min_length; /* characters of a string, octets of a binary */
    uint32_t max_length;
} exi_datatype;

/* EXI_SE_RELAXED: an element whose name has several types: `type` is the record that can be read, `word` its first state;
 * type 0: not even that. */
enum exi_production_kind { EXI_SE_SIMPLE, EXI_SE_RECORD, EXI_AT, EXI_CH, EXI_EE, EXI_ANY, EXI_TEXT, EXI_ED, EXI_SE_RELAXED };

/* A list that counts: taking the production sets the counter of the element to `start`, or adds 1 where that is 0;
 * at `limit` the list is full and the state `full` follows. */
typedef struct exi_loop {
    uint16_t start;
    uint16_t limit;
    uint16_t full;
} exi_loop;

typedef struct exi_production {
    uint8_t kind;
    uint8_t many;   /* the field is a list */
    uint16_t type;  /* number of the datatype or of the record */
    uint16_t next;  /* state after this event */
    uint16_t word;  /* place of the field in the record */
    uint16_t loop;  /* 0: does not count */
} exi_production;

typedef struct exi_state {
    uint16_t first; /* first production; the event code counts from here */
    uint16_t count;
    uint8_t bits;
    uint8_t second_bits; /* width of the second part of an event code; 0: there is none */
    uint8_t empty_value; /* second-level EE means a value of length zero */
} exi_state;

enum exi_slot_kind { EXI_SLOT_NUMBER, EXI_SLOT_CODE, EXI_SLOT_RECORD };

typedef struct exi_slot {
    uint16_t word;
    uint8_t kind;
    uint8_t many;
} exi_slot;

typedef struct exi_record {
    uint16_t state; /* first state of the element's content */
    uint16_t words; /* length on the tape, type number included */
    uint16_t first_slot;
    uint16_t slots;
} exi_record;

typedef struct exi_schema {
    const exi_datatype *datatypes;
    const exi_loop *loops; /* loop 0 is not used */
    const exi_production *productions;
    const exi_state *states; /* state 0: the document, one production per global element; state 1: the fragment */
    const exi_slot *slots;
    const exi_record *records; /* record 0 is not used */
    uint32_t record_count;
} exi_schema;

/* The state after a production, with the counter of the element kept. */
static inline uint16_t exi_next_state(const exi_schema *schema, const exi_production *p, uint16_t *counter)
{
    if (p->loop == 0)
        return p->next;
    const exi_loop *loop = &schema->loops[p->loop];
    *counter = (uint16_t)(loop->start != 0 ? loop->start : *counter + 1U);
    return *counter >= loop->limit ? loop->full : p->next;
}

extern const exi_schema *const exi_schemas[];
extern const uint32_t exi_schema_count;
extern const char exi_table_digest[];

#endif
