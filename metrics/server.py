"""One Prometheus: where it is, how it is asked and what it is shown, and one query of it."""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from metrics.access import access_of
from metrics.address import validate_url, without_credentials
from metrics.answers import Answer
from metrics.request_options import request_options
from metrics.wire import Wire

_LONGEST_FORM = {"POST": 12_000, "GET": 4_000}
"""Bytes of what is asked. VictoriaMetrics takes queries of 16 KiB; many proxies take 8 KiB of a request line."""


class Server:
    """Safe to share between threads."""

    def __init__(
        self, url: str, *, connections: int, environ: Mapping[str, str], monotonic: Callable[[], float]
    ) -> None:
        """Check the settings and make the one client; nothing is sent yet.

        Args:
            url: base address, may have a path prefix and user info.
            connections: how many queries may be under way at once.
            environ: for what ``metrics.access``, ``metrics.request_options`` and ``metrics.wire`` take from it.
            monotonic: clock, in seconds.

        Raises:
            metrics.address.MetricsServerError: it cannot be asked with these settings.
        """
        validate_url(url)
        self.where = without_credentials(url).rstrip("/")
        self._options = request_options(environ)
        self._access = access_of(url, environ, monotonic)
        self._wire = Wire(f"{self.where}/api/v1/query", connections=connections, environ=environ, monotonic=monotonic)
        self._monotonic = monotonic

    def is_too_long(self, query: str) -> bool:
        """Whether a query is longer than what every server and proxy takes."""
        return len(self._options.form(query)) > _LONGEST_FORM[self._options.method]

    def answer(self, query: str, seconds: float) -> Answer:
        """Ask; once more if the credentials are refused and there are newer ones.

        Args:
            query: in PromQL.
            seconds: that this may take in all.

        Raises:
            metrics.answers.AnswerError: there was no answer.
            metrics.types.ObserverClosedError: the wire was cut meanwhile.
        """
        ask = partial(
            self._wire.send,
            form=self._options.form(query),
            method=self._options.method,
            deadline=self._monotonic() + seconds,
            seconds=seconds,
        )
        headers = self._access.headers()
        answer = ask(headers)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._access.renewed(headers):
            answer = ask(self._access.headers())
        return answer.changed(self._access.hide)

    def cut(self) -> None:
        """End every query under way, and all that come."""
        self._wire.cut()

    def close(self) -> None:
        """Close what is kept. Nothing may be under way."""
        self._wire.close()
