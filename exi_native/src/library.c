/* What the loader asks a library before it trusts it. */
#include "tables.h"

uint32_t exi_abi_version(void)
{
    return EXI_ABI_VERSION;
}

const char *exi_table_hash(void)
{
    return exi_table_digest;
}

uint32_t exi_workspace_size(void)
{
    return (uint32_t)sizeof(exi_workspace);
}
