"""Pictures, drawn from a Prometheus that answers every query with the same line, or with nothing."""

import json
import re
from http import HTTPStatus
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import pytest

from hack.dashboards.__main__ import DASHBOARDS, main
from testbed.sandbox.loopback import Handler, Loopback

END = 1543000000
RUNNING = "#5794F2"


class _Prometheus(Handler):
    result = staticmethod(lambda _form: [])

    def do_POST(self):  # noqa: N802  # the name is inherited
        form = parse_qs(self.read_body().decode())
        body = {"status": "success", "data": {"result": self.result(form)}}
        self.send(HTTPStatus.OK, json.dumps(body).encode(), "application/json")


def same_line(form):
    of_canary = "max by (namespace, name)" in form["query"][0]
    labels = {"namespace": "test", "name": "podinfo"} if of_canary else {"outcome": "failed", "reason": "FailedChecks"}
    if "time" in form:
        return [{"metric": labels, "value": [float(form["time"][0]), "0"]}]
    start, end, step = (float(form[key][0]) for key in ("start", "end", "step"))
    value = str(1000 * (END - 30)) if form["query"][0].startswith("1000 * max by (namespace, name) (flagger") else "0"
    return [{"metric": labels, "values": [[start + i * step, value] for i in range(int((end - start) / step))]}]


@pytest.fixture
def prometheus(request):
    handler = type("Prometheus", (_Prometheus,), {"result": staticmethod(request.param)})
    server = Loopback(handler, port=0, name="prometheus")
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def pictures(prometheus, tmp_path):
    assert main(["draw", prometheus, "--end", str(END), "--minutes", "2", "--out", str(tmp_path)]) == 0
    return {path.name: path.read_text() for path in tmp_path.iterdir()}


def texts(picture):
    return [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def titles(name):
    return {panel["title"] for panel in DASHBOARDS[name]()["panels"] if panel["type"] != "row"}


with_data = pytest.mark.parametrize("prometheus", [same_line], indirect=True, ids=["data"])
without_data = pytest.mark.parametrize("prometheus", [lambda _form: []], indirect=True, ids=["no data"])


@with_data
def test_every_section_is_a_picture_of_modest_size(pictures):
    assert set(pictures) == {f"canary-analysis-{n}.svg" for n in (1, 2, 3)} | {
        f"controller-{n}.svg" for n in range(1, 6)
    }
    assert all(len(picture) < 300_000 for picture in pictures.values())
    for name in DASHBOARDS:
        shown = {text for file, picture in pictures.items() if file.startswith(name) for text in texts(picture)}
        assert titles(name) <= shown


@with_data
def test_words_colours_and_marks_are_those_of_the_dashboard(pictures):
    first = pictures["canary-analysis-1.svg"]
    assert {"running", "pass", "canary, as checked", "limit (at least)"} <= set(texts(first))
    assert RUNNING.lower() in first.lower()
    assert 'stroke-dasharray="3,3"' in first
    assert {"test/podinfo", "failed: FailedChecks"} <= set(texts(pictures["controller-1.svg"]))


@without_data
def test_panel_without_data_says_why(pictures):
    assert texts(pictures["canary-analysis-2.svg"]).count("no traffic") == 6
    assert all(RUNNING.lower() not in picture.lower() for picture in pictures.values())
    assert not any(re.search("undefined|NaN", picture) for picture in pictures.values())


def test_prometheus_that_is_not_there_is_told(capsys, tmp_path):
    assert main(["draw", "http://127.0.0.1:9", "--out", str(tmp_path)]) == 1
    assert "FAILED" in capsys.readouterr().err
