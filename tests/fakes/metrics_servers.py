"""Servers that speak Prometheus' API, each as its own documentation says: one class per product.

A test says what the store holds; how that is told, and what else stands around it, differs.
"""

import base64
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from hack.bench.prometheus import is_grouped, workloads_of
from tests.fakes.api import Answer, FakeApi, Handler, Request

Json = dict[str, Any]
TENANT = "team-a"
TOKEN = "glc_access_policy_token"  # nobody's


@dataclass
class Stub:
    """A plain Prometheus."""

    number: str | None = "1"  # the value of every query; None: no series
    numbers: dict[str, str | None] = field(default_factory=dict)  # of workloads, where queries ask for several
    in_part: bool = False  # a store behind it is away
    get_only: bool = False  # a proxy in front of it lets nothing else pass
    forms: list[dict[str, str]] = field(default_factory=list)  # of every query

    name: ClassVar[str] = "Prometheus"
    path: ClassVar[str] = ""  # of the base address
    environ: ClassVar[Json] = {}  # what its operator sets

    def answer(self, request: Request, handler: Handler) -> None:
        """Answer one request."""
        refusal = self.refusal(handler)
        if refusal is not None:
            refusal(handler)
        elif request.path != f"{self.path}/api/v1/query":
            handler.send(404, b"404 page not found\n", "text/plain; charset=utf-8")
        elif self.get_only and request.method != "GET":
            handler.send(405, b"Method Not Allowed\n", "text/plain; charset=utf-8")
        else:
            form = request.query if request.method == "GET" else dict(parse_qsl(request.body.decode()))
            self.forms.append(form)
            code, said = self.said(form)
            handler.send(code, json.dumps(said).encode())

    def refusal(self, _handler: Handler) -> Answer | None:
        """Return the answer to whoever may not ask."""
        return None

    def said(self, form: dict[str, str]) -> tuple[int, Json]:
        """Return code and body of an answer."""
        if "nonsense" in form["query"]:
            return self.cannot_parse()
        if self.in_part:
            return self.said_in_part(form)
        return 200, {"status": "success", "data": self.data(form["query"])}

    def data(self, query: str) -> Json:
        """Return one series, or one for each workload that a query is about."""
        labels = workloads_of(query) if is_grouped(query) else [{}]
        series = [{"metric": metric, "value": [1700000000.123, self.number_of(metric)]} for metric in labels]
        return {"resultType": "vector", "result": [one for one in series if one["value"][1] is not None]}

    def number_of(self, metric: dict[str, str]) -> str | None:
        return self.numbers.get(metric.get("destination_workload", ""), self.number)

    def cannot_parse(self) -> tuple[int, Json]:
        error = 'invalid parameter "query": 1:1: parse error: unexpected identifier "nonsense"'
        return 400, {"status": "error", "errorType": "bad_data", "error": error}

    def said_in_part(self, form: dict[str, str]) -> tuple[int, Json]:
        """Answer with what is there: of remote reads that failed Prometheus tells in warnings."""
        return 200, {
            "status": "success",
            "data": self.data(form["query"]),
            "warnings": ["remote_read: connection refused"],
        }


class Thanos(Stub):
    """The querier: warns of stores that are away, or fails if it is told that a part is not enough."""

    name = "Thanos"
    environ: ClassVar[Json] = {"PROMETHEUS_PARAMETERS": "dedup=true\npartial_response=false"}

    def said_in_part(self, form):
        why = 'fetch series for {prometheus="a"}: rpc error: code = Unavailable'
        if form.get("partial_response") == "false":
            return 422, {"status": "error", "errorType": "execution", "error": why}
        return 200, {"status": "success", "data": self.data(form["query"]), "warnings": [why]}


class Mimir(Stub):
    """A tenant in a header, a prefix, and infos that are no sign of missing data."""

    name = "Mimir"
    path = "/prometheus"
    environ: ClassVar[Json] = {"PROMETHEUS_HEADERS": f"X-Scope-OrgID: {TENANT}"}

    def refusal(self, handler):
        if handler.headers["X-Scope-OrgID"] == TENANT:
            return None
        return lambda refused: refused.send(401, b"no org id\n", "text/plain; charset=utf-8")

    def said(self, form):
        code, body = super().said(form)
        infos = ['PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "x"']
        return code, {**body, "infos": infos} if code == 200 else body

    def said_in_part(self, _form):
        why = "failed to get the store-gateway replication set: too many unhealthy instances in the ring"
        return 500, {"status": "error", "errorType": "internal", "error": why}


class VictoriaMetrics(Stub):
    """A cluster: the tenant in the path, a word on whether the answer is whole, numbers on how it was found."""

    name = "VictoriaMetrics"
    path = "/select/0/prometheus"

    def said(self, form):
        code, body = super().said(form)
        stats = {"seriesFetched": "2", "executionTimeMsec": 1}
        return code, {"isPartial": False, **body, "stats": stats} if code == 200 else body

    def cannot_parse(self):
        why = 'error when executing query="nonsense": cannot parse query: unparsed data left: "nonsense"'
        return 422, {"status": "error", "errorType": "422", "error": why}

    def said_in_part(self, form):
        return 200, {"status": "success", "isPartial": True, "data": self.data(form["query"])}


class GrafanaCloud(Mimir):
    """Mimir behind a login: instance and access policy token in place of the tenant."""

    name = "Grafana Cloud"
    path = "/api/prom"
    environ: ClassVar[Json] = {"PROMETHEUS_USERNAME": "123456", "PROMETHEUS_PASSWORD": TOKEN}

    def refusal(self, handler):
        login = base64.b64encode(f"123456:{TOKEN}".encode()).decode()
        if handler.headers["Authorization"] == f"Basic {login}":
            return None
        body = {"status": "error", "error": "authentication error: no credentials provided"}
        return lambda refused: refused.send(401, json.dumps(body).encode())


STUBS: tuple[type[Stub], ...] = (Stub, Thanos, Mimir, VictoriaMetrics, GrafanaCloud)


class Serving(FakeApi):
    """A stub on loopback. Use it as a context manager."""

    def __init__(self, stub: Stub) -> None:
        super().__init__()
        self.stub = stub

    @property
    def url(self) -> str:
        return f"{super().url}{self.stub.path}"

    def take(self, request: Request) -> Answer:
        super().take(request)
        return partial(self.stub.answer, request)
