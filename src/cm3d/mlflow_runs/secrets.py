"""Passwords and tokens, in URIs and in the environment, and text without them."""

import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "***"
# What stands before the `@` of a URI, up to the last one, so that a password that is not quoted
# hides as well; a user alone may be a token; and what the query calls a secret.
_IN_URI: Final = re.compile(
    r"(?<=://)(?:[^:@/]*:(?P<password>.+)|(?P<token>[^:@/]+))@"
    r"|[?&][^=&]*(?:pass|pwd|token|secret|key)[^=&]*=(?P<asked>[^&#]+)",
    re.IGNORECASE,
)
_IN_TEXT: Final = re.compile(r"(?<=://)(?:([^\s:@/]*:)\S+|[^\s:@/]+)@")
_VARIABLES: Final = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# A shorter user name stands in many a word, and is no token.
_SHORTEST_TOKEN: Final = 8


def hidden_in_uri(uri: str) -> str:
    """A URI with its secrets hidden."""
    for start, end in reversed(list(_spans(uri))):
        uri = f"{uri[:start]}{HIDDEN}{uri[end:]}"
    return uri


def hidden_in_text(text: str) -> str:
    """Text with what stands before the last `@` of its URIs hidden, but for users before it."""
    return _IN_TEXT.sub(lambda found: f"{found[1] or ''}{HIDDEN}@", text)


def hidden_of_uri(text: str, uri: str) -> str:
    """Text of others, which may hold a URI, its secrets or those of the environment, without them.

    Args:
        text: As an error message.
        uri: What it may be about.
    """
    text = text.replace(uri, hidden_in_uri(uri))
    secrets = {uri[start:end] for start, end in _spans(uri, _SHORTEST_TOKEN)}
    secrets |= {os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    for secret in sorted(secrets | set(map(unquote, secrets)), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _spans(uri: str, shortest_token: int = 0) -> Iterator[tuple[int, int]]:
    for found in _IN_URI.finditer(uri):
        name = str(found.lastgroup)
        if name != "token" or len(found[name]) >= shortest_token:
            yield found.span(name)
