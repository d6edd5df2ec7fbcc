/* The variable-length unsigned integer: groups of seven bits, least significant first, high bit set while more follow. */
#include "bitstream.h"

/* EXI_OUT_OF_RANGE beyond nine groups (63 bits): more than any value that stands on the tape itself. */
int exi_take_unsigned(exi_reader *reader, uint64_t *value)
{
    uint64_t total = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint32_t group;
        const int error = exi_take(reader, 8, &group);
        if (error != EXI_OK)
            return error;
        total |= (uint64_t)(group & 0x7FU) << shift;
        if ((group & 0x80U) == 0) {
            *value = total;
            return EXI_OK;
        }
    }
    return EXI_OUT_OF_RANGE;
}

int exi_put_unsigned(exi_writer *writer, uint64_t value)
{
    while (value > 0x7FU) {
        const int error = exi_put(writer, 8, (uint32_t)(value & 0x7FU) | 0x80U);
        if (error != EXI_OK)
            return error;
        value >>= 7;
    }
    return exi_put(writer, 8, (uint32_t)value);
}
