/* Interface of the EXI library: two functions, flat buffers, no allocation, no state between calls.
 *
 * A message crosses the interface as a "tape" of 64-bit words. Word 0 is the number of blob octets in use
 * after decoding and the index of the root record before encoding. A record is its type number followed by its
 * fields; a field is one word:
 *   boolean, enumeration   0 absent, otherwise code + 1
 *   integer                the value; EXI_ABSENT when absent; beyond +-2^62 a reference (see EXI_BIG)
 *   string, binary         0 absent, otherwise offset in the blob << 32 | length in octets (strings are UTF-8)
 *   complex content        0 absent, otherwise the index of the record
 *   list                   two words: index of the first and of the last node, 0 when empty (encoding reads only
 *                          the first); a node is the index of the next node (0 at the end) and the value
 * Indices count words from the start of the tape. Index 0 and blob offset 0 are never used for content.
 */
#ifndef CCSEXI_H
#define CCSEXI_H

#include <stdint.h>

#define EXI_API __attribute__((visibility("default")))

/* Raise when a function, the workspace or the meaning of the tape changes. */
#define EXI_ABI_VERSION 2
/* Added to the number of a schema: the octets are a fragment (EXI 8.5.2), as the digests of signatures need it. */
#define EXI_FRAGMENT UINT32_C(0x80000000)
/* exi_workspace.root before encoding: the first root element that has the type of the root record. */
#define EXI_ANY_ROOT UINT32_MAX
/* Greatest nesting of elements; the generator refuses schemas that nest deeper. */
#define EXI_MAX_DEPTH 24
#define EXI_ABSENT INT64_MIN
/* Integers below EXI_DIRECT_MIN on the tape stand for EXI_BIG + offset in the blob, where there lie: four octets
 * length n, least significant first; one octet sign (1 negative); n octets magnitude m, least significant first.
 * The value is m, or -m - 1 when negative. */
#define EXI_BIG (INT64_MIN + 1)
#define EXI_DIRECT_MIN (-(INT64_C(1) << 62))
#define EXI_DIRECT_MAX ((INT64_C(1) << 62) - 1)

/* The functions return a count (>= 0) or one of these codes, negated. */
enum exi_error {
    EXI_OK = 0,
    EXI_TRUNCATED = 1,         /* the input ends inside the message */
    EXI_BAD_HEADER = 2,        /* the first octet is not 0x80 */
    EXI_UNKNOWN_SCHEMA = 3,    /* no schema of that number */
    EXI_BAD_EVENT_CODE = 4,    /* an event code beyond the productions of the state */
    EXI_SECOND_LEVEL = 5,      /* an undeclared element, attribute, xsi:type, ... */
    EXI_WILDCARD = 6,          /* content of xs:any */
    EXI_MIXED_TEXT = 7,        /* text between the elements of mixed content */
    EXI_STRING_TABLE = 8,      /* a string table hit, which capacity 0 excludes */
    EXI_BAD_CHARACTER = 9,     /* not a Unicode scalar value, or not UTF-8 on the tape */
    EXI_OUT_OF_RANGE = 10,     /* integer outside of the bounds of its type */
    EXI_BAD_ENUMERATION = 11,  /* enumeration value beyond the list */
    EXI_TOO_LONG = 12,         /* string or binary longer than its type allows */
    EXI_TOO_SHORT = 13,        /* shorter than its type allows */
    EXI_SIMPLE_ROOT = 14,      /* a fragment of a local element of simple type, or of several types */
    EXI_TAPE_FULL = 15,        /* the message needs more tape than given */
    EXI_BLOB_FULL = 16,        /* the message needs more blob than given */
    EXI_OUTPUT_FULL = 17,      /* the encoded message is longer than the output buffer */
    EXI_TOO_DEEP = 18,         /* nesting beyond EXI_MAX_DEPTH */
    EXI_TOO_MANY_STEPS = 19,   /* more events than step_limit, or the tape to be encoded is not a tree */
    EXI_NOT_ALLOWED_HERE = 20, /* encoding: the grammar has no place for this field now */
    EXI_INCOMPLETE = 21,       /* encoding: a mandatory field is missing */
    EXI_BAD_TAPE = 22,         /* encoding: the tape itself is malformed */
    EXI_BAD_ROOT = 23          /* encoding: `root` is no root element of that type */
};

/* What was read, bit by bit, for tools: decoding writes these where a trace buffer is given. */
enum exi_trace_kind {
    EXI_TRACE_HEADER = 0,  /* the first octet */
    EXI_TRACE_EVENT = 1,   /* event code `code` of state `state` */
    EXI_TRACE_SECOND = 2,  /* second part of an event code */
    EXI_TRACE_CONTENT = 3, /* inside an element of simple type: 0 (CH) before the value, 0 (EE) after it */
    EXI_TRACE_VALUE = 4    /* the value of production `code` of state `state`, as it stands on the tape */
};

typedef struct exi_trace {
    uint64_t bit;  /* where it begins */
    uint64_t bits; /* how long it is */
    int64_t value; /* of EXI_TRACE_VALUE: as on the tape; otherwise the code that was read */
    uint16_t kind;
    uint16_t state;
    uint16_t code;
    uint16_t depth; /* open elements */
} exi_trace;

/* Buffers of the caller, and the report of the last call. All sizes in elements of the buffer. */
typedef struct exi_workspace {
    int64_t *tape;       /* decoding writes here */
    uint8_t *blob;
    uint8_t *output;     /* encoding writes here */
    exi_trace *trace;    /* decoding writes here what it read; may be null */
    uint64_t tape_words;
    uint64_t blob_size;
    uint64_t output_size;
    uint64_t trace_size;
    uint64_t step_limit;   /* greatest number of events; 0: only the size of the input or of the tape limits them */
    uint64_t bit_position; /* where reading or writing stopped */
    uint64_t trailing;     /* octets after the message that were not read */
    uint64_t depth;        /* number of entries of path */
    uint64_t traced;       /* number of entries of trace; more were read when it is full */
    uint32_t root;         /* event code of the root element; before encoding: the wanted one, or EXI_ANY_ROOT */
    uint32_t reserved;
    uint32_t path[2 * EXI_MAX_DEPTH]; /* pairs: record type, word of the field inside it (0: none) */
} exi_workspace;

EXI_API uint32_t exi_abi_version(void);
/* SHA-256 over the generated tables, as 64 hexadecimal digits. */
EXI_API const char *exi_table_hash(void);
EXI_API uint32_t exi_workspace_size(void);

/* Decode `size` octets; the number of tape words in use, or a negated error. */
EXI_API int64_t exi_decode(uint32_t schema, const uint8_t *data, uint64_t size, exi_workspace *work);

/* Encode a tape of `words` words with its blob; the number of octets in work->output, or a negated error. */
EXI_API int64_t exi_encode(uint32_t schema, const int64_t *tape, uint64_t words, const uint8_t *blob,
                           uint64_t blob_size, exi_workspace *work);

#endif
