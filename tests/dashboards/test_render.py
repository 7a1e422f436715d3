"""Pictures, drawn from a Prometheus that answers every query with the same line, or with nothing."""

import json
from http import HTTPStatus
from urllib.parse import parse_qs

import pytest
from PIL import Image

from hack.dashboards.__main__ import main
from hack.sandbox.loopback import Handler, Loopback

CANVAS, RUNNING = (17, 18, 23), (87, 148, 242)


class _Prometheus(Handler):
    result = staticmethod(lambda _form: [])

    def do_POST(self):
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


@pytest.mark.parametrize("prometheus", [same_line, lambda _form: []], indirect=True, ids=["data", "no data"])
@pytest.mark.parametrize("name", ["canary-analysis", "controller"])
def test_every_section_is_a_picture_of_modest_size(name, prometheus, tmp_path):
    code = main(["render", name, "--prometheus", prometheus, "--end", "1543000000", "--out", str(tmp_path)])
    assert code == 0
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == {"canary-analysis": 3, "controller": 5}[name]
    for path in pictures:
        assert path.stat().st_size < 300_000
        assert any(all(abs(a - b) < 4 for a, b in zip(colour, CANVAS, strict=True)) for colour in colours(path))


@pytest.mark.parametrize("prometheus", [same_line], indirect=True)
def test_state_is_drawn_in_the_colour_of_its_word(prometheus, tmp_path):
    main(["render", "canary-analysis", "--prometheus", prometheus, "--end", "1543000000", "--out", str(tmp_path)])
    found = colours(tmp_path / "canary-analysis-1.png")
    assert any(all(abs(a - b) < 8 for a, b in zip(colour, RUNNING, strict=True)) for colour in found)


def test_prometheus_that_is_not_there_is_told(capsys, tmp_path):
    assert main(["render", "controller", "--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path)]) == 1
    assert "FAILED" in capsys.readouterr().err
