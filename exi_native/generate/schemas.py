"""The list of schemas that the generator turns into tables and classes; a further schema is one more row."""
from __future__ import annotations

from typing import NamedTuple

#: The schema files are taken from this distribution of the Python package index, at generation time only.
DISTRIBUTION = "iso15118"
DISTRIBUTION_VERSION = "0.31.2"
#: The folder of the schema files inside the distribution.
SCHEMA_FOLDER = "iso15118/shared/schemas"

#: Goes into every banner; raise it when the output for an unchanged schema changes.
GENERATOR_VERSION = 1


class SchemaRow(NamedTuple):
    """One schema: the key in decode()/encode(), the module of its dataclasses, its entry file, what it is for."""

    key: str
    module: str
    entry: str
    title: str


SCHEMAS = (
    SchemaRow("SAP", "appproto", "V2G_CI_AppProtocol.xsd", "application handshake, urn:iso:15118:2:2010:AppProtocol"),
    SchemaRow("DIN", "din", "din_spec/V2G_CI_MsgDef.xsd", "DIN SPEC 70121, urn:din:70121:2012:MsgDef"),
)
