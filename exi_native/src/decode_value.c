/* Reads values: booleans, enumerations, integers of any size, strings as UTF-8, octets (EXI section 7). */
#include "decoder.h"

static int blob_octet(exi_decoder *d, uint32_t octet)
{
    if (d->blob_used >= d->work->blob_size)
        return EXI_BLOB_FULL;
    d->work->blob[d->blob_used++] = (uint8_t)octet;
    return EXI_OK;
}

static int utf8(exi_decoder *d, uint64_t character)
{
    int error = EXI_OK;
    if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF))
        return EXI_BAD_CHARACTER;
    const uint32_t c = (uint32_t)character;
    if (c < 0x80)
        return blob_octet(d, c);
    if (c < 0x800) {
        error = blob_octet(d, 0xC0U | (c >> 6));
    } else {
        if (c < 0x10000) {
            error = blob_octet(d, 0xE0U | (c >> 12));
        } else {
            error = blob_octet(d, 0xF0U | (c >> 18));
            if (error == EXI_OK)
                error = blob_octet(d, 0x80U | ((c >> 12) & 0x3FU));
        }
        if (error == EXI_OK)
            error = blob_octet(d, 0x80U | ((c >> 6) & 0x3FU));
    }
    return error == EXI_OK ? blob_octet(d, 0x80U | (c & 0x3FU)) : error;
}

static int take_string(exi_decoder *d, const exi_datatype *type, int64_t *value)
{
    uint64_t length;
    int error = exi_take_unsigned(&d->in, &length);
    if (error != EXI_OK)
        return error == EXI_OUT_OF_RANGE ? EXI_TOO_LONG : error;
    if (length < 2) /* 0 and 1 are hits in the local and global value partitions */
        return EXI_STRING_TABLE;
    length -= 2;
    if (length > type->max_length)
        return EXI_TOO_LONG;
    if (length < type->min_length)
        return EXI_TOO_SHORT;
    const uint64_t start = d->blob_used;
    for (uint64_t n = 0; n < length; n++) {
        uint64_t character;
        error = exi_take_unsigned(&d->in, &character);
        if (error == EXI_OUT_OF_RANGE)
            error = EXI_BAD_CHARACTER;
        if (error == EXI_OK)
            error = utf8(d, character);
        if (error != EXI_OK)
            return error;
    }
    *value = (int64_t)(start << 32 | (d->blob_used - start));
    return EXI_OK;
}

static int take_binary(exi_decoder *d, const exi_datatype *type, int64_t *value)
{
    uint64_t length;
    int error = exi_take_unsigned(&d->in, &length);
    if (error != EXI_OK)
        return error == EXI_OUT_OF_RANGE ? EXI_TOO_LONG : error;
    if (length > type->max_length)
        return EXI_TOO_LONG;
    if (length < type->min_length)
        return EXI_TOO_SHORT;
    const uint64_t start = d->blob_used;
    for (uint64_t n = 0; n < length; n++) {
        uint32_t octet;
        error = exi_take(&d->in, 8, &octet);
        if (error == EXI_OK)
            error = blob_octet(d, octet);
        if (error != EXI_OK)
            return error;
    }
    *value = (int64_t)(start << 32 | (d->blob_used - start));
    return EXI_OK;
}

/* The magnitude of an integer that does not fit into 63 bits, written into the blob (layout: EXI_BIG). */
static int take_big(exi_decoder *d, const exi_datatype *type, uint32_t sign, int64_t *value)
{
    const uint64_t start = d->blob_used;
    int error = EXI_OK;
    for (unsigned n = 0; n < 4 && error == EXI_OK; n++)
        error = blob_octet(d, 0);
    if (error == EXI_OK)
        error = blob_octet(d, sign);
    if (error != EXI_OK)
        return error;
    const uint64_t first = d->blob_used;
    uint64_t used = first; /* end of the octets after removing leading zeros */
    uint32_t gathered = 0;
    unsigned held = 0;
    uint32_t group = 0x80;
    uint64_t groups = 0;
    while ((group & 0x80U) != 0 || held > 0) {
        if ((group & 0x80U) != 0) {
            if (type->big_bits != 0xFFFF && ++groups > (type->big_bits + 6U) / 7U)
                return EXI_OUT_OF_RANGE;
            error = exi_take(&d->in, 8, &group);
            if (error != EXI_OK)
                return error;
            gathered |= (group & 0x7FU) << held;
            held += 7;
        } else {
            held = 8; /* the last bits */
        }
        if (held < 8)
            continue;
        error = blob_octet(d, gathered & 0xFFU);
        if (error != EXI_OK)
            return error;
        if ((gathered & 0xFFU) != 0)
            used = d->blob_used;
        gathered >>= 8;
        held -= 8;
    }
    d->blob_used = used;
    const uint64_t octets = used - first;
    if (type->big_bits != 0xFFFF) {
        if (octets > 8)
            return EXI_OUT_OF_RANGE;
        uint64_t bits = octets * 8;
        while (bits > 0 && ((uint32_t)d->work->blob[first + (bits - 1) / 8] >> ((bits - 1) & 7U) & 1U) == 0)
            bits--;
        if (bits > type->big_bits)
            return EXI_OUT_OF_RANGE;
    }
    for (unsigned n = 0; n < 4; n++)
        d->work->blob[start + n] = (uint8_t)(octets >> (8 * n));
    *value = EXI_BIG + (int64_t)start;
    return EXI_OK;
}

static int take_integer(exi_decoder *d, const exi_datatype *type, int64_t *value)
{
    uint32_t sign = 0;
    int error = EXI_OK;
    if (type->kind == EXI_SIGNED)
        error = exi_take(&d->in, 1, &sign);
    if (error != EXI_OK)
        return error;
    const uint64_t start = d->in.position;
    uint64_t magnitude;
    error = exi_take_unsigned(&d->in, &magnitude);
    if (error == EXI_TRUNCATED)
        return error;
    if (error == EXI_OUT_OF_RANGE || magnitude > (uint64_t)EXI_DIRECT_MAX) {
        if (type->big_bits == 0)
            return EXI_OUT_OF_RANGE;
        d->in.position = start;
        return take_big(d, type, sign, value);
    }
    *value = sign != 0 ? -(int64_t)magnitude - 1 : (int64_t)magnitude;
    return *value < type->lo || *value > type->hi ? EXI_OUT_OF_RANGE : EXI_OK;
}

int exi_take_value(exi_decoder *d, const exi_datatype *type, int64_t *value)
{
    uint32_t code;
    int error;
    switch (type->kind) {
    case EXI_BOOLEAN:
    case EXI_ENUMERATION:
        error = exi_take(&d->in, type->bits, &code);
        if (error != EXI_OK)
            return error;
        *value = (int64_t)code + 1;
        return code < type->count ? EXI_OK : EXI_BAD_ENUMERATION;
    case EXI_NBIT:
        error = exi_take(&d->in, type->bits, &code);
        if (error != EXI_OK)
            return error;
        *value = type->lo + (int64_t)code;
        return *value <= type->hi ? EXI_OK : EXI_OUT_OF_RANGE;
    case EXI_STRING:
        return take_string(d, type, value);
    case EXI_BINARY:
        return take_binary(d, type, value);
    default:
        return take_integer(d, type, value);
    }
}

int exi_empty_value(const exi_decoder *d, const exi_datatype *type, int64_t *value)
{
    if (type->kind != EXI_STRING && type->kind != EXI_BINARY)
        return EXI_SECOND_LEVEL;
    *value = (int64_t)(d->blob_used << 32);
    return type->min_length == 0 ? EXI_OK : EXI_TOO_SHORT;
}
