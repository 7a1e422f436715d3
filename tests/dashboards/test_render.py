"""Pictures, drawn from a Prometheus that answers every query with the same line, or with nothing."""

import json
from http import HTTPStatus
from urllib.parse import parse_qs

import pytest
from PIL import Image

from hack.dashboards.__main__ import main
from hack.sandbox.loopback import Handler, Loopback

RUNNING = (87, 148, 242)


class _Prometheus(Handler):
    result = staticmethod(lambda _form: [])

    def do_POST(self):  # noqa: N802  # the name is inherited
        form = parse_qs(self.read_body().decode())
        body = {"status": "success", "data": {"result": self.result(form)}}
        self.send(HTTPStatus.OK, json.dumps(body).encode(), "application/json")


def same_line(form):
    labels = {"namespace": "test", "name": "podinfo"}
    if "time" in form:
        return [{"metric": labels, "value": [float(form["time"][0]), "0"]}]
    start, end, step = (float(form[key][0]) for key in ("start", "end", "step"))
    return [{"metric": labels, "values": [[start + i * step, "0"] for i in range(int((end - start) / step))]}]


@pytest.fixture
def prometheus(request):
    handler = type("Prometheus", (_Prometheus,), {"result": staticmethod(request.param)})
    server = Loopback(handler, port=0, name="prometheus")
    server.start()
    yield server.url
    server.stop()


def colours(path):
    with Image.open(path) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(1_000_000)}


def render(name, prometheus, directory):
    options = ["--prometheus", prometheus, "--end", "1543000000", "--minutes", "2", "--out", str(directory)]
    return main(["render", name, *options])


@pytest.mark.parametrize("prometheus", [same_line], indirect=True, ids=["data"])
def test_every_section_is_a_picture_of_modest_size(prometheus, tmp_path):
    assert render("canary-analysis", prometheus, tmp_path) == 0
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == 3
    assert all(path.stat().st_size < 300_000 for path in pictures)
    assert any(close_to(RUNNING, colour) for colour in colours(pictures[0]))


@pytest.mark.parametrize("prometheus", [lambda _form: []], indirect=True, ids=["no data"])
def test_dashboard_without_data_is_drawn_all_the_same(prometheus, tmp_path):
    assert render("controller", prometheus, tmp_path) == 0
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == 5
    assert not any(close_to(RUNNING, colour) for path in pictures for colour in colours(path))


def close_to(wanted, colour):
    return all(abs(a - b) < 8 for a, b in zip(wanted, colour, strict=True))


def test_prometheus_that_is_not_there_is_told(capsys, tmp_path):
    assert main(["render", "controller", "--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path)]) == 1
    assert "FAILED" in capsys.readouterr().err
