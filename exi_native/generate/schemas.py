"""The list of schemas that the generator turns into tables and classes; a further schema is one more row."""
from __future__ import annotations

from typing import NamedTuple

#: The schema files are taken from this distribution of the Python package index, at generation time only.
DISTRIBUTION = "iso15118"
DISTRIBUTION_VERSION = "0.31.2"
#: The folder of the schema files inside the distribution.
SCHEMA_FOLDER = "iso15118/shared/schemas"

#: Goes into every banner; raise it when the output for an unchanged schema changes.
GENERATOR_VERSION = 2


class SchemaRow(NamedTuple):
    """One schema: the key in decode()/encode(), the module of its dataclasses, its entry file, what it is for."""

    key: str
    module: str
    entry: str
    title: str


SCHEMAS = (
    SchemaRow("SAP", "appproto", "V2G_CI_AppProtocol.xsd", "application handshake, urn:iso:15118:2:2010:AppProtocol"),
    SchemaRow("DIN", "din", "din_spec/V2G_CI_MsgDef.xsd", "DIN SPEC 70121, urn:din:70121:2012:MsgDef"),
    SchemaRow("ISO2", "iso2", "iso15118_2/V2G_CI_MsgDef.xsd", "ISO 15118-2, urn:iso:15118:2:2013:MsgDef"),
    SchemaRow("ISO20", "iso20", "iso15118_20/V2G_CI_CommonMessages.xsd", "ISO 15118-20, urn:iso:std:iso:15118:-20:CommonMessages"),
    SchemaRow("ISO20_AC", "iso20_ac", "iso15118_20/V2G_CI_AC.xsd", "ISO 15118-20, urn:iso:std:iso:15118:-20:AC"),
    SchemaRow("ISO20_DC", "iso20_dc", "iso15118_20/V2G_CI_DC.xsd", "ISO 15118-20, urn:iso:std:iso:15118:-20:DC"),
    SchemaRow("ISO20_WPT", "iso20_wpt", "iso15118_20/V2G_CI_WPT.xsd", "ISO 15118-20, urn:iso:std:iso:15118:-20:WPT"),
    SchemaRow("ISO20_ACDP", "iso20_acdp", "iso15118_20/V2G_CI_ACDP.xsd", "ISO 15118-20, urn:iso:std:iso:15118:-20:ACDP"),
    SchemaRow("XMLDSIG", "xmldsig", "xmldsig-core-schema.xsd", "XML signatures alone: the grammar of signed SignedInfo, http://www.w3.org/2000/09/xmldsig#"),
)
