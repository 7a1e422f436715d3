"""One JSON object a line."""

import contextlib
import fcntl
import gc
import json
import logging
import os
import re
import select
import sys
import threading
import time
import warnings

import pytest

from controller.logs import set_up_logs


class Written:
    """A file that is logged to."""

    def __init__(self, path):
        self._path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)

    def getvalue(self):
        return self._path.read_text()

    def close(self):
        with contextlib.suppress(OSError):  # a test closed it
            os.close(self.descriptor)


@pytest.fixture
def logged(tmp_path):
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    hooks = (warnings.showwarning, sys.excepthook, sys.unraisablehook, threading.excepthook)
    written = Written(tmp_path / "log")

    def lines(level="info"):
        set_up_logs(level, written.descriptor)
        return written

    yield lines
    written.close()
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


@pytest.fixture
def pipe(logged):
    """A pipe that is logged to, as small as it can be."""
    logged()  # puts back what was set up before
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    set_up_logs("info", writer)
    yield reader
    with contextlib.suppress(OSError):
        os.close(reader)
    os.close(writer)


def read(reader):
    """Return all that a reader finds, and what is kept for it behind that."""
    flush = threading.Thread(target=logging.getLogger().handlers[0].flush)
    flush.start()
    found = b""
    while flush.is_alive() or select.select([reader], [], [], 0)[0]:
        if select.select([reader], [], [], 0.01)[0]:
            found += os.read(reader, 1 << 20)
    return [json.loads(line) for line in found.splitlines()]


def test_pipe_that_nobody_reads_holds_up_nobody_and_keeps_the_order(pipe):
    began = time.monotonic()
    for number in range(1000):
        logging.getLogger("flagger").info("line", extra={"number": number})
    assert time.monotonic() - began < 1
    assert [line["number"] for line in read(pipe)] == list(range(1000))


def test_line_that_is_longer_than_a_pipe_comes_whole(pipe):
    logging.getLogger("flagger").info("x" * 100_000)
    logging.getLogger("flagger").info("after")
    first, second = read(pipe)
    assert (len(first["msg"]), second["msg"]) == (100_000, "after")


def test_lines_that_were_lost_are_counted(pipe):
    for number in range(5000):
        logging.getLogger("flagger").info("line", extra={"number": number})
    kept = read(pipe)
    logging.getLogger("flagger").info("read again")
    said, last = read(pipe)
    assert [line["number"] for line in kept] == list(range(len(kept)))
    assert (said["level"], said["msg"], said["lines"]) == (
        "warning",
        "Log lines were lost, as nobody read them",
        5000 - len(kept),
    )
    assert last["msg"] == "read again"


def test_pipe_whose_reader_is_gone_ends_nothing(pipe, capfd):
    os.close(pipe)
    logging.getLogger("flagger").info("nobody reads this")
    assert capfd.readouterr() == ("", "")
