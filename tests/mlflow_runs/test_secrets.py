"""What is hidden of a URI, and what is not; more of it is in tests/trust/test_tracking.py."""

from cm3d.mlflow_runs.secrets import hidden_in_text, hidden_in_uri, hidden_of_uri


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
