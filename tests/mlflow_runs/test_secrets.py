"""What is hidden of a URI, and what is not; more of it is in tests/trust/test_tracking.py."""

import logging
from urllib.parse import quote, quote_plus

import pytest

from cm3d.mlflow_runs.secrets import (
    hidden_in_text,
    hidden_in_uri,
    hidden_of_uri,
    logs_without_secrets,
)


def test_a_short_user_name_is_hidden_in_the_uri_and_not_in_words() -> None:
    uri = "http://me@host"
    assert hidden_in_uri(uri) == "http://***@host"
    assert hidden_of_uri(f"{uri}: some method failed", uri) == "http://***@host: some method failed"


def test_a_token_is_hidden_in_words_too() -> None:
    uri = "http://averylongtoken@host"
    assert hidden_of_uri("no averylongtoken here", uri) == "no *** here"


def test_text_keeps_what_is_no_secret() -> None:
    for text in ("a@b.org", "s3://bucket/file", "http://host/a?b=c", "time 10:20@noon"):
        assert hidden_in_text(text) == text
    assert hidden_in_text("x http://me:pw@h y") == "x http://me:***@h y"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        # an `@` in the query belongs to its secret, a colon before it to the port
        ("postgresql://h:5432/db?password=s3@cret", "postgresql://h:***"),
        ("postgresql://h/db?password=s3@cret&a=b", "postgresql://h/db?password=***&a=b"),
        ("http://h/?a=b#token=s3cret", "http://h/?a=b#token=***"),
        ("http://h/?sig=s3cret&se=2030", "http://h/?sig=***&se=2030"),
        ("http://h/?X-Amz-Credential=s3cret", "http://h/?X-Amz-Credential=***"),
        ("mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3Ds3cret", "mssql+pyodbc:///?odbc_connect=***"),
        ("http://h/?page=2&sort=asc", "http://h/?page=2&sort=asc"),
    ],
)  # fmt: skip
def test_secrets_of_a_query_are_hidden(uri: str, shown: str) -> None:
    assert hidden_in_uri(uri) == shown
    if "@" not in uri:
        assert hidden_in_text(f"see {uri} now") == f"see {shown} now"


SECRET = "p/ss w@rd%+'x"


@pytest.mark.parametrize(
    "form",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), quote_plus(SECRET), repr(SECRET),
     "cC9zcyB3QHJkJSsneA=="],
)  # fmt: skip
def test_a_secret_is_hidden_however_it_is_quoted(form: str) -> None:
    uri = f"postgresql://me:{quote(SECRET, safe='')}@host/db"
    said = hidden_of_uri(f"could not use {form} there", uri)
    assert said.replace("'", "").replace('"', "") == "could not use *** there"


def test_a_piece_that_a_parser_stumbles_over_is_hidden() -> None:
    """SQLAlchemy takes what stands before an unquoted slash for a port."""
    uri = "postgresql://me:first/second@host/db"
    said = hidden_of_uri("invalid literal for int() with base 10: 'first'", uri)
    assert said == "invalid literal for int() with base 10: '***'"


def test_logs_of_libraries_lose_it_and_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    uri = "http://h/?token=s3cret-token"
    logger = logging.getLogger("urllib3.connectionpool")
    with logs_without_secrets(lambda text: hidden_of_uri(text, uri)):
        try:
            raise ValueError(uri)
        except ValueError:
            logger.warning("Retrying after %r: %s", uri, "/?token=s3cret-token", exc_info=True)
    assert caplog.messages == ["Retrying after 'http://h/?token=***': /?token=***"]
    assert "s3cret" not in caplog.text
    logger.warning("%s", "after it")
    assert caplog.messages[-1] == "after it"
