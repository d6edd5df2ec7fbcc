"""The kinds of records, one module each; which one a file is, its first octets decide, never its name.

A module has `SAYS` (what it expects, for the refusal), `matches(head: bytes) -> bool` and `read(path: str, decode, progress) -> list[History]`.
Damage ends reading: what was read before it is returned, `History.damage` says where. Raises OSError.
"""
