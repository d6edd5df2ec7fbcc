/* Writes values: booleans, enumerations, integers of any size, strings from UTF-8, octets (EXI section 7). */
#include "encoder.h"

static int reference(const exi_encoder *e, int64_t value, const uint8_t **octets, uint64_t *length)
{
    const uint64_t offset = (uint64_t)value >> 32;
    *length = (uint64_t)value & 0xFFFFFFFFU;
    if (value <= 0 || offset > e->blob_size || e->blob_size - offset < *length)
        return EXI_BAD_TAPE;
    *octets = e->blob + offset;
    return EXI_OK;
}

/* One character of UTF-8; the number of its octets, 0 when malformed. */
static unsigned character(const uint8_t *at, uint64_t left, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint32_t lead = at[0];
    unsigned length = 1;
    uint32_t total = lead;
    if (lead >= 0x80) {
        length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        total = lead & (length == 4 ? 0x07U : length == 3 ? 0x0FU : 0x1FU);
        if (lead < 0xC2 || lead > 0xF4 || left < length)
            return 0;
    }
    for (unsigned n = 1; n < length; n++) {
        if ((at[n] & 0xC0U) != 0x80)
            return 0;
        total = total << 6 | (at[n] & 0x3FU);
    }
    if (total < least[length] || total > 0x10FFFF || (total >= 0xD800 && total <= 0xDFFF))
        return 0;
    *value = total;
    return length;
}

static int check_length(const exi_datatype *type, uint64_t length)
{
    if (length > type->max_length)
        return EXI_TOO_LONG;
    return length < type->min_length ? EXI_TOO_SHORT : EXI_OK;
}

static int put_string(exi_encoder *e, const exi_datatype *type, int64_t value)
{
    const uint8_t *octets;
    uint64_t length;
    uint64_t count = 0;
    uint32_t point;
    int error = reference(e, value, &octets, &length);
    if (error != EXI_OK)
        return error;
    for (uint64_t at = 0; at < length; count++) {
        const unsigned size = character(octets + at, length - at, &point);
        if (size == 0)
            return EXI_BAD_CHARACTER;
        at += size;
    }
    error = check_length(type, count);
    if (error == EXI_OK)
        error = exi_put_unsigned(&e->out, count + 2);
    for (uint64_t at = 0; at < length && error == EXI_OK;) {
        at += character(octets + at, length - at, &point);
        error = exi_put_unsigned(&e->out, point);
    }
    return error;
}

static int put_binary(exi_encoder *e, const exi_datatype *type, int64_t value)
{
    const uint8_t *octets;
    uint64_t length;
    int error = reference(e, value, &octets, &length);
    if (error == EXI_OK)
        error = check_length(type, length);
    if (error == EXI_OK)
        error = exi_put_unsigned(&e->out, length);
    for (uint64_t at = 0; at < length && error == EXI_OK; at++)
        error = exi_put(&e->out, 8, octets[at]);
    return error;
}

/* An integer beyond the direct range, from the blob (layout: EXI_BIG). */
static int put_big(exi_encoder *e, const exi_datatype *type, int64_t value)
{
    if (value < EXI_BIG)
        return EXI_BAD_TAPE;
    const uint64_t start = (uint64_t)(value - EXI_BIG);
    if (start > e->blob_size || e->blob_size - start < 5)
        return EXI_BAD_TAPE;
    const uint8_t *at = e->blob + start;
    uint64_t octets = (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
    const uint32_t sign = at[4];
    if (e->blob_size - start - 5 < octets || sign > 1)
        return EXI_BAD_TAPE;
    at += 5;
    if (octets > 0 && at[octets - 1] == 0) /* leading zeros would be work without output */
        return EXI_BAD_TAPE;
    uint64_t bits = octets * 8;
    while (bits > 0 && ((uint32_t)at[(bits - 1) / 8] >> ((bits - 1) & 7U) & 1U) == 0)
        bits--;
    if (type->big_bits != 0xFFFF && bits > type->big_bits)
        return EXI_OUT_OF_RANGE;
    int error = EXI_OK;
    if (type->kind == EXI_SIGNED)
        error = exi_put(&e->out, 1, sign);
    else if (sign != 0)
        return EXI_OUT_OF_RANGE;
    uint64_t done = 0;
    do {
        uint32_t group = 0;
        for (unsigned n = 0; n < 7 && done + n < bits; n++)
            group |= ((uint32_t)at[(done + n) / 8] >> ((done + n) & 7U) & 1U) << n;
        done += 7;
        if (error == EXI_OK)
            error = exi_put(&e->out, 8, done < bits ? group | 0x80U : group);
    } while (done < bits && error == EXI_OK);
    return error;
}

static int put_integer(exi_encoder *e, const exi_datatype *type, int64_t value)
{
    if (type->big_bits != 0 && value < EXI_DIRECT_MIN)
        return put_big(e, type, value);
    if (value < type->lo || value > type->hi)
        return EXI_OUT_OF_RANGE;
    int error = EXI_OK;
    if (type->kind == EXI_SIGNED)
        error = exi_put(&e->out, 1, value < 0 ? 1U : 0U);
    const uint64_t magnitude = value < 0 ? (uint64_t)(-(value + 1)) : (uint64_t)value;
    return error == EXI_OK ? exi_put_unsigned(&e->out, magnitude) : error;
}

int exi_put_value(exi_encoder *e, const exi_datatype *type, int64_t value)
{
    switch (type->kind) {
    case EXI_BOOLEAN:
    case EXI_ENUMERATION:
        if (value < 1 || value > type->count)
            return EXI_BAD_ENUMERATION;
        return exi_put(&e->out, type->bits, (uint32_t)(value - 1));
    case EXI_NBIT:
        if (value < type->lo || value > type->hi)
            return EXI_OUT_OF_RANGE;
        return exi_put(&e->out, type->bits, (uint32_t)(value - type->lo));
    case EXI_STRING:
        return put_string(e, type, value);
    case EXI_BINARY:
        return put_binary(e, type, value);
    default:
        return put_integer(e, type, value);
    }
}
