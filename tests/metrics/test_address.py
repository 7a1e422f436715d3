"""Addresses of Prometheus, and what of an address may be shown."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.address import MetricsServerError, validate_url, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://p:9090", "http://p:9090"),
        ("https://p/prefix", "https://p/prefix"),
        ("http://user:secret@p:1", "http://p:1"),
        ("http://[::1]:9090", "http://[::1]:9090"),
        ("http://p/a%20b", "http://p/a%20b"),
        ("http://ü:secret@p/x", "http://p/x"),
    ],
)
def test_address_that_prometheus_could_have_is_accepted_and_shown_without_its_user(url, shown):
    validate_url(url)
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("p:9090", "'p:9090' is not an address such as http://prometheus:9090"),
        ("", "'' is not an address"),
        ("ftp://u:secret@p", "is not an address"),
        ("http://:80", "is not an address"),
        ("http://p:0", "is not an address"),
        ("http://p:x", "is not an address"),
        ("http://[::1", "is not an address"),
        ("http://p?q", "an address such as http://prometheus:9090 must not have a query or a fragment"),
        ("http://p/ä", "'http://p/ä' must be of visible ASCII characters: encode others as %XX"),
        ("http://u:secret@pä", "must be of visible ASCII characters"),
        ("http://p/a b", "must be of visible ASCII characters"),
        ("http://u:secret@p:0", "is not an address such as http://prometheus:9090"),
        ("p?secret", "is not an address such as http://prometheus:9090"),
        ("http://u@pä", "must be of visible ASCII characters: encode others as %XX"),
    ],
)
def test_other_addresses_are_refused_without_their_credentials(url, text):
    with pytest.raises(MetricsServerError) as raised:
        validate_url(url)
    assert text in str(raised.value)
    assert str(raised.value).startswith(("'", "is not", "an address", "must be"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://p:9090/x", "http://p:9090/x"),
        ("https://user:secret@p/x?secret=1#secret", "https://p/x"),
        ("/login?next=secret", "/login"),
        ("//user:secret@p", "://p"),
        ("http:/user:secret@p", "nowhere"),
        ("", "nowhere"),
        ("http://[secret", "an address that cannot be read"),
    ],
)
def test_address_is_shown_without_what_may_be_secret(url, shown):
    assert without_credentials(url) == shown


@given(st.text())
def test_any_text_is_an_address_or_refused(text):
    shown = without_credentials(text)
    assert shown
    with suppress(MetricsServerError):
        validate_url(text)
        assert shown.startswith(("http://", "https://"))
