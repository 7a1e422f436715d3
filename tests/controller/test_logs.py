"""One JSON object a line."""

import io
import json
import logging
import re

import pytest

from controller.logs import set_up_logs


@pytest.fixture
def logged():
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()

    def lines(level="info"):
        set_up_logs(level, stream)
        return stream

    yield lines
    root.handlers[:], level = before
    root.setLevel(level)


def test_line_begins_with_time_level_and_message(logged):
    stream = logged()
    logging.getLogger("flagger").warning("Halt", extra={"namespace": "test", "canary": "podinfo", "action": "Halt"})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert list(json.loads(line)) == ["ts", "level", "msg", "canary", "namespace", "action"]
    assert json.loads(line)["level"] == "warning"
    assert json.loads(line)["msg"] == "Halt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", json.loads(line)["ts"])


def test_umlauts_and_newlines_stay_in_their_line(logged):
    stream = logged()
    logging.getLogger("flagger").info("ü\n", extra={"x": "a\nb"})
    assert json.loads(stream.getvalue())["x"] == "a\nb"
    assert stream.getvalue().count("\n") == 1


def test_level_is_kept_and_noisy_libraries_stay_quiet(logged):
    stream = logged("debug")
    logging.getLogger("flagger").debug("seen")
    logging.getLogger("httpx").info("GET http://user:secret@prometheus")
    logging.getLogger("urllib3.connectionpool").debug("secret")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["seen"]


def test_trace_is_part_of_the_object(logged):
    stream = logged()
    try:
        json.loads("{")
    except ValueError:
        logging.getLogger("flagger").exception("Look failed")
    (line,) = stream.getvalue().splitlines()
    assert "JSONDecodeError" in json.loads(line)["exc_info"]
