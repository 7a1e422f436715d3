"""What is counted of callers on the mesh: a count that is wrong would find every rollout without fault."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.mesh import caller
from tests.mesh.counting import Request, Share, failures, parse, shares


def request(time, pod="podinfo-1-a", status=200):
    return Request(time, status, pod, time)


def test_line_that_is_not_whole_is_left_out():
    text = "1.000 200 podinfo-1-a 0.900\n2.000 503 - 1.900\n3.0"
    assert parse(text) == [Request(1.0, 200, "podinfo-1-a", 0.9), Request(2.0, 503, "-", 1.9)]
    assert parse("1.000 200 - 0.900\n") == [Request(1.0, 200, "-", 0.9)]
    assert parse("") == []


@pytest.mark.parametrize("status", [0, 404, 500, 503])
def test_whatever_is_no_good_answer_failed(status):
    assert failures([request(1.0), request(2.0, status=status)], 0) == [request(2.0, status=status)]


def test_failures_are_those_of_a_time():
    listed = [request(float(time), status=0) for time in range(5)]
    assert [failed.time for failed in failures(listed, 1, 3)] == [1.0, 2.0]


def test_shares_are_counted_per_weight_once_it_has_settled():
    canary, primary = "podinfo-canary-1-a", "podinfo-1-a"
    listed = [request(10.5, canary), request(11.5, canary), request(12.0, primary), request(13.0, primary, status=503)]
    assert shares([*listed, request(21.0, canary)], [(10, 50), (20, 0)], settle=1) == [Share(50, 2, 1)]


@pytest.mark.parametrize(
    ("share", "fits"),
    [
        pytest.param(Share(50, 400, 200), True, id="exact"),
        pytest.param(Share(50, 400, 240), True, id="four sigmas above"),
        pytest.param(Share(50, 400, 241), False, id="more"),
        pytest.param(Share(50, 400, 159), False, id="too few"),
        pytest.param(Share(0, 400, 4), True, id="in flight when the weight changed"),
        pytest.param(Share(0, 400, 5), False, id="more than that"),
        pytest.param(Share(10, 0, 0), True, id="nobody called"),
    ],
)
def test_share_fits_within_four_sigmas(share, fits):
    assert share.fits is fits


class Server(BaseHTTPRequestHandler):
    """Holds the first request until the others are answered."""

    protocol_version = "HTTP/1.1"
    first = threading.Lock()
    others = threading.Semaphore(0)

    def do_GET(self):
        if self.first.acquire(blocking=False):
            for _ in range(5):
                self.others.acquire(timeout=10)
        body = b'{"hostname": "podinfo-1-a"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.others.release()

    def log_message(self, *_args):
        """Say nothing."""


class Forgetful(Server):
    """Closes each connection after an answer, without a word."""

    def do_GET(self):
        self.others.release(5)
        super().do_GET()
        self.close_connection = True


def lines(handler, count):
    """Return the first lines of a caller whom a server answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, name="server").start()
    command = [sys.executable, caller.__file__, f"http://127.0.0.1:{server.server_port}/", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = parse("".join(process.stdout.readline() for _ in range(count)))
        process.terminate()
    server.shutdown()
    server.server_close()
    return found


def test_request_without_an_answer_holds_up_no_other_and_is_known_of():
    found = lines(Server, 12)
    assert {answered.pod for answered in found} == {"podinfo-1-a"}
    assert len({answered.oldest for answered in found[:3]}) == 1  # the first one is open
    assert found[11].oldest > found[0].oldest


def test_connection_that_was_closed_while_idle_is_no_failure():
    assert [answered.status for answered in lines(Forgetful, 12)] == [200] * 12
