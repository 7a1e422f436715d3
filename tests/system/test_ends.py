"""How the process ends, and what it leaves on standard error, whoever does not answer."""

import fcntl
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
import yaml

from testbed.sandbox.faults import Fault
from tests.system.test_process import ELECT, ROOT, Process, command, started
from tests.system.test_replicas import lease


def assert_json(text):
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"ts", "level", "msg"} <= set(line) for line in lines)
    return lines


def stop(process):
    """Send SIGTERM and return the exit code and the lines that were left."""
    process.send(signal.SIGTERM)
    code, _, rest = process.ended(within=5)
    return code, assert_json(rest)


@pytest.mark.parametrize(
    ("verb", "resource"), [("patch", "canaries"), ("patch", "virtualservices"), ("create", "events")]
)
def test_request_that_hangs_holds_up_no_end_and_the_lease_is_released(on, verb, resource):
    on.cluster.api.faults.add(Fault(verb=verb, resource=resource, hang=True, count=-1))
    on.add_canary()
    with started(on, *ELECT) as process:
        process.until_logged("Started")
        on.until(lambda: on.cluster.api.faults.hanging, every_change=False)
        code, lines = stop(process)
        on.cluster.api.faults.clear()
    assert code == 0
    assert lines[-1]["msg"] == "Stopped"
    assert lease(on)["holderIdentity"] == ""


def test_lease_that_hangs_holds_up_no_end(on):
    with started(on, *ELECT) as process:
        process.until_logged("Started")
        on.cluster.api.faults.add(Fault(resource="leases", hang=True, count=-1))
        on.until(lambda: on.cluster.api.faults.hanging, every_change=False)
        code, lines = stop(process)
        on.cluster.api.faults.clear()
    assert code == 0
    assert "Lease not released, it will expire" in [line["msg"] for line in lines]


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\n"], ids=["silent", "half a request"])
def test_client_of_the_port_that_hangs_holds_up_no_end(on, sent):
    with started(on, *ELECT) as process:
        port = process.until_logged("Starting")["port"]
        process.until_logged("Started")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(sent)
            code, _ = stop(process)
    assert code == 0
    assert lease(on)["holderIdentity"] == ""


def test_clients_that_reset_leave_json_alone(on):
    with started(on) as process:
        port = process.until_logged("Starting")["port"]
        process.until_logged("Started")
        for sent in (b"", b"GET /metrics HTTP/1.1\r\n", b"\x16\x03\x01\x00", b"GET /metrics HTTP/1.0\r\n\r\n") * 5:
            with socket.create_connection(("::1", port)) as client:
                client.sendall(sent)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        code, lines = stop(process)
    assert code == 0
    assert [line["level"] for line in lines] == ["info"] * len(lines)


@contextmanager
def running(arguments, **more):
    """Run a program, which doesn't outlive the test."""
    with subprocess.Popen(arguments, cwd=ROOT, **more) as child:
        try:
            yield child
        finally:
            child.kill()


def test_standard_error_that_nobody_reads_holds_up_neither_rollouts_nor_the_end(on):
    on.add_canary(stepWeight=50, maxWeight=50)
    reader, writer = os.pipe()
    room = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b" " * room)
    with running(command(on, *ELECT, "-log-level=debug"), stderr=writer) as child:
        on.until_state("finished")
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=5) == 0
    os.close(writer)
    os.close(reader)
    assert lease(on)["holderIdentity"] == ""


def test_closed_standard_error_is_none_of_the_controller_s_business(on):
    on.add_canary(stepWeight=50, maxWeight=50)
    with running(["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", *command(on, *ELECT)]) as child:
        on.until_state("finished")
        taken = [str(Path(f"/proc/{child.pid}/fd/{number}").readlink()) for number in (0, 1, 2)]
        assert taken == [os.devnull] * 3, "lines of the log would go into them"
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=5) == 0
    assert lease(on)["holderIdentity"] == ""


class Unavailable(BaseHTTPRequestHandler):
    """Answers everything with 503."""

    def do_GET(self):
        self.server.asked.release()
        self.send_error(503)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def tls():
    """An API server behind a certificate that nobody knows."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Unavailable)
    server.asked = threading.Semaphore(0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_unverified_tls_is_one_line_and_not_one_for_each_request(tls, tmp_path):
    cluster = {"server": f"https://127.0.0.1:{tls.server_port}", "insecure-skip-tls-verify": True}
    kubeconfig = {
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "x"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "current-context": "it",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    with Process("--kubeconfig", str(tmp_path / "kubeconfig"), "--port=0") as process:
        process.until_logged("Warning from a library")
        for _ in range(8):
            assert tls.asked.acquire(timeout=20)
        code, lines = stop(process)
    assert code == 0
    assert "Warning from a library" not in [line["msg"] for line in lines]


PROGRAM = """
import sys, threading
import controller.__main__ as start, controller.program as program

class Controller:
    lost_lead = broken = False

    def __init__(self, options, *, end_process):
        if {how!r} == "building":
            program.log.info("Ready")
            threading.Event().wait()

    def run(self):
        program.log.info("Ready")
        self.ended = threading.Event()
        if {how!r} == "a bug":
            raise RuntimeError("a bug")
        self.broken, self.lost_lead = {how!r} == "broken", {how!r} == "lost"
        if {how!r} == "stuck":
            threading.Event().wait()

    def stop(self):
        self.ended.set()

program.Controller, program.GRACE_SECONDS = Controller, 0.2
sys.exit(start.main([]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_that_comes_while_the_program_is_loaded_ends_it(number):
    command = [sys.executable, "-X", "importtime", "-m", "controller", "--port=0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        assert any(line.endswith(" informers.errors\n") for line in child.stderr)  # and much is still to come
        child.send_signal(number)
        assert '"msg"' not in child.stderr.read()
        assert child.wait(20) == 0


@pytest.mark.parametrize(
    ("how", "expected", "said"),
    [
        ("building", 0, "Ready"),
        ("fine", 0, "Ready"),
        ("a bug", 1, "Ended by a bug"),
        ("broken", 1, "Ready"),
        ("stuck", 3, "Shutdown timed out"),
        ("lost", 4, "Ready"),
    ],
)
def test_exit_code_says_how_it_ended(how, expected, said):
    command = [sys.executable, "-c", PROGRAM.format(how=how)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        lines = [child.stderr.readline()]
        if how in {"building", "stuck"}:
            child.send_signal(signal.SIGTERM)
        lines += child.stderr.readlines()
        assert child.wait(20) == expected
    assert assert_json("".join(lines))[-1]["msg"] == said


@pytest.mark.parametrize(
    ("arguments", "environ", "text"),
    [
        (["--workers=0"], {}, "argument --workers: must be a whole number between 1 and 64, not '0'"),
        (["--namespace="], {}, "argument --namespace: '' cannot be the name of a namespace"),
        ([], {"FLAGGER_NAMESPACE": "test,"}, "variable FLAGGER_NAMESPACE: '' cannot be the name of a namespace"),
        (["--nonsense\n{}"], {}, "unrecognized arguments: --nonsense {}"),
    ],
)
def test_wrong_flag_or_variable_is_one_line_and_exit_code_2(arguments, environ, text):
    with Process(*arguments, **environ) as process:
        code, out, err = process.ended()
    assert (code, out) == (2, "")
    (line,) = assert_json(err)
    assert line["level"] == "error"
    assert line["msg"].startswith(f"Cannot start: {text}")
