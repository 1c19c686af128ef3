"""Passwords and tokens, in URIs and in the environment, and text without them."""

import base64
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN: Final = "***"
_NAMES: Final = r"[^=&;#\s]*(?:pass|pwd|token|secret|key|sig|credential|auth|connect)[^=&;#\s]*"
# What stands before the `@` of a URI, up to the last one, so that a password that is not quoted
# hides as well; a user alone may be a token.
_USER: Final = re.compile(r"(?<=://)(?:[^:@/]*:(?P<password>.+)|(?P<token>[^:@/]+))@")
# What the query calls a secret, and a whole string of ODBC.
_QUERY: Final = re.compile(rf"[?&;#]{_NAMES}=(?P<asked>[^&#]+)", re.IGNORECASE)
_USER_IN_TEXT: Final = re.compile(r"(?<=://)(?:([^\s:@/]*:)\S+|[^\s:@/]+)@")
_QUERY_IN_TEXT: Final = re.compile(rf"([?&;#]{_NAMES}=)[^&#\s'\"]+", re.IGNORECASE)
_VARIABLES: Final = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN"),
    *("PGPASSWORD", "MYSQL_PWD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING"),
)
# A shorter user name stands in many a word, and is no token.
_SHORTEST_TOKEN: Final = 8
# A parser that stumbles over a password tells a piece of it; a shorter one gives nothing away.
_SHORTEST_PIECE: Final = 3


def hidden_in_uri(uri: str) -> str:
    """A URI with its secrets hidden."""
    for start, end in reversed(_spans(uri)):
        uri = f"{uri[:start]}{HIDDEN}{uri[end:]}"
    return uri


def hidden_in_text(text: str) -> str:
    """Text with secrets of its URIs hidden.

    These are what stands before the last `@`, but for users before it, and what their queries call
    a secret.
    """
    text = _USER_IN_TEXT.sub(lambda found: f"{found[1] or ''}{HIDDEN}@", text)
    return _QUERY_IN_TEXT.sub(lambda found: f"{found[1]}{HIDDEN}", text)


def hidden_of_uri(text: str, uri: str) -> str:
    """Text of others, which may hold a URI, its secrets or those of the environment, without them.

    However these are quoted there, and pieces of them.

    Args:
        text: As an error message.
        uri: What it may be about.
    """
    text = text.replace(uri, hidden_in_uri(uri))
    secrets = {uri[start:end] for start, end in _spans(uri, _SHORTEST_TOKEN)}
    secrets |= {os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    told = {form for secret in secrets for form in _forms(secret)}
    told |= {piece for form in told for piece in _pieces(form)}
    for secret in sorted(told, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


@contextmanager
def logs_without_secrets(hide: Callable[[str], str]) -> Iterator[None]:
    """Within, whatever libraries log goes through `hide`; tracebacks are left out.

    Retries of urllib3, for one, are told of with the whole URI.
    """
    make_record = logging.getLogRecordFactory()

    def record_without_secrets(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = make_record(*arguments, **more)
        record.msg, record.args = hide(record.getMessage()), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return record

    logging.setLogRecordFactory(record_without_secrets)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make_record)


def _spans(uri: str, shortest_token: int = 0) -> list[tuple[int, int]]:
    """Where secrets are; those of user and query may overlap and are one then."""
    found = []
    for match in (*_USER.finditer(uri), *_QUERY.finditer(uri)):
        name = str(match.lastgroup)
        if name != "token" or len(match[name]) >= shortest_token:
            found.append(match.span(name))
    spans: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def _forms(secret: str) -> set[str]:
    """A secret as it is, unquoted and quoted, as programs tell it."""
    forms = {secret, unquote(secret), unquote_plus(secret)}
    for text in tuple(forms):
        written = {repr(text)[1:-1], json.dumps(text)[1:-1]}
        encoded = base64.b64encode(text.encode()).decode()
        forms |= {quote(text), quote(text, safe=""), quote_plus(text), encoded, *written}
    return forms


def _pieces(secret: str) -> set[str]:
    parts = re.split(r"[@:/?#&%]", secret)
    return {part for part in parts if len(part) >= _SHORTEST_PIECE} if len(parts) > 1 else set()
