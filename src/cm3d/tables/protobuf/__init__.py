"""Protocol buffers on the wire, many messages of one kind at once; no library, no schema files.

A message is a run of fields, each a tag (its number and how it is stored) and a value.
"""

from typing import Final

# How a value is stored.
VARINT: Final = 0  # seven bits per byte, the lowest first; the last one is below 128
FIXED64: Final = 1
LENGTH: Final = 2  # a varint, and as many bytes
FIXED32: Final = 5

# Bytes of a number of 64 bits.
LONGEST_VARINT: Final = 10
