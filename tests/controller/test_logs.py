"""One JSON object a line."""

import gc
import io
import json
import logging
import re
import sys
import threading
import warnings

import pytest

from controller.logs import set_up_logs


@pytest.fixture
def logged():
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    hooks = (warnings.showwarning, sys.excepthook, sys.unraisablehook, threading.excepthook)
    stream = io.StringIO()

    def lines(level="info"):
        set_up_logs(level, stream)
        return stream

    yield lines
    root.handlers[:], level = before
    root.setLevel(level)
    warnings.showwarning, sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


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


def objects(stream):
    return [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_number_that_json_does_not_have_is_a_text(logged, number):
    stream = logged()
    logging.getLogger("flagger").info("Reading", extra={"value": {"of": [number]}, "ä": 1})
    (line,) = objects(stream)
    assert float(line["value"]["of"][0]) == pytest.approx(number, nan_ok=True)
    assert line["ä"] == 1


def test_line_that_cannot_be_made_is_told_in_json(logged):
    stream = logged()
    logging.getLogger("flagger").info("%d things", "no number")
    circle = {}
    circle["circle"] = circle
    logging.getLogger("flagger").info("Round", extra={"circle": circle})
    first, second = objects(stream)
    assert first["msg"] == second["msg"] == "A log line could not be written"
    assert (first["line"], second["line"]) == ("%d things", "Round")
    assert "TypeError" in first["error"]


def test_closed_stream_ends_nothing(logged, capsys):
    logged().close()
    logging.getLogger("flagger").info("nobody reads this")
    assert capsys.readouterr() == ("", "")


def test_warning_of_a_library_is_one_line_once(logged):
    stream = logged()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for host in ("a", "a", "b"):
            warnings.warn(f"Unverified HTTPS request to {host}", RuntimeWarning, stacklevel=1)
    first, second = objects(stream)
    assert (first["msg"], first["warning"]) == ("Warning from a library", "Unverified HTTPS request to a")
    assert (first["category"], first["level"]) == ("RuntimeWarning", "warning")
    assert second["warning"] == "Unverified HTTPS request to b"


def test_warnings_are_remembered_within_bounds(logged):
    stream = logged()
    for number in range(1000):
        warnings.showwarning(f"number {number}", RuntimeWarning, "file", 1)
    assert len(objects(stream)) == 100


def test_thread_that_dies_is_one_line(logged):
    stream = logged()
    thread = threading.Thread(target=int, args=["a bug"], name="worker-7")
    thread.start()
    thread.join()
    (line,) = objects(stream)
    assert (line["level"], line["msg"], line["thread_name"]) == (
        "critical",
        "A thread has died of a bug",
        "worker-7",
    )
    assert "ValueError" in line["exc_info"]


def test_thread_that_exits_on_purpose_is_none(logged):
    stream = logged()
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert stream.getvalue() == ""


def test_exception_that_nobody_caught_is_one_line(logged):
    stream = logged()
    try:
        int("a bug")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    died, interrupted = objects(stream)
    assert died["msg"] == "Ended by a bug"
    assert "ValueError: invalid literal" in died["exc_info"]
    assert interrupted["msg"] == "Interrupted"


def test_exception_in_a_finalizer_is_one_line(logged):
    stream = logged()

    class Bad:
        def __del__(self):
            raise RuntimeError("a bug")

    bad = Bad()
    del bad
    gc.collect()
    (line,) = objects(stream)
    assert "RuntimeError" in line["error"]
