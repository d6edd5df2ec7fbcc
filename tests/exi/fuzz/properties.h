/* What must hold of the EXI library whatever it is given; the fuzzer and the replay program both ask this. */
#ifndef CCSEXI_FUZZ_PROPERTIES_H
#define CCSEXI_FUZZ_PROPERTIES_H

#include <stddef.h>
#include <stdint.h>

#include "ccsexi.h"

/* An input begins with two control octets: flags, and one number for whatever the flags make small. */
enum {
    CONTROL = 2,          /* number of control octets */
    FLAG_FRAGMENT = 1,    /* the fragment grammar instead of the document grammar */
    FLAG_SMALL_TAPE = 2,  /* the tape has `number` words */
    FLAG_SMALL_BLOB = 4,  /* the blob has `number` octets */
    FLAG_SMALL_OUTPUT = 8, /* the output has `number` octets */
    FLAG_FEW_STEPS = 16,  /* step_limit is `number` */
    FLAG_CUT = 32,        /* decoding: a good message is decoded again without its last octets */
    FLAG_SMALL_TRACE = 64, /* decoding: the trace has `number` entries */
    FLAG_RAW = 64,        /* encoding: the input is a tape, not a message and edits of its tape */
    FLAG_ROOT = 128       /* encoding: the root element is `number` */
};

/* Encoding: the octet after the control octets is the number of edits (FLAG_RAW: one of 256 parts of the rest that is
 * tape, what follows is blob); each edit has EDIT octets: kind, place (two octets), value. */
enum { EDIT = 4, EDITS_AT_MOST = 8 };

/* Take memory for the buffers, once; stops the program when there is none. */
void properties_begin(void);
/* What the library says of itself, schemas it does not have, sizes beyond every buffer. */
void check_interface(void);
/* The schema is not known to the library when this is false. */
int properties_has(uint32_t schema);

/* Decode, encode what was decoded, decode again. Anything unlawful stops the program with a sentence.
 * Returns what exi_decode returned. */
int64_t check_decoding(uint32_t schema, const uint8_t *input, size_t size);
/* A message (EXI_FRAGMENT in `schema`) within every smaller tape, blob, output and step limit than it needs: the error
 * that says so each time. Returns how many times it was decoded. */
uint64_t check_bounds(uint32_t schema, const uint8_t *data, size_t size);
/* Encode an arbitrary tape, and decode what came out. Returns what exi_encode returned. */
int64_t check_encoding(uint32_t schema, const uint8_t *input, size_t size);

/* Called for each event that an input reached, for the caller to count: `code` of `state`, and the field of an error.
 * The state of an error is ERROR_PLACE + the error. */
enum { ERROR_PLACE = 1 << 16 };
void reached(uint32_t schema, uint32_t state, uint32_t code);

#endif
