"""The small kubelet of the mesh: images, names, probes and reports, without a pod."""

import asyncio
import socket
from datetime import datetime
from ipaddress import IPv4Address

import pytest

from testbed.cluster.mesh import whole
from testbed.mesh.images import Images, command_of, path_of
from testbed.mesh.nodelet import names_in
from testbed.mesh.probes import port_number, succeeds
from testbed.mesh.reports import running, starting, unknown_image

HOST = "127.0.0.1"
CONTAINER = {"name": "podinfod", "image": "podinfo:1", "ports": [{"name": "http", "containerPort": 9898}]}
ADDRESS = IPv4Address("10.244.0.7")


# --- images ---


@pytest.fixture
def images(tmp_path):
    return Images(tmp_path, tmp_path / "programs")


@pytest.mark.parametrize(
    "reference",
    ["podinfo", "podinfo:1.2.0", "quay.io/stefanprodan/podinfo:1.4.0", "localhost:5000/podinfo@sha256:0123"],
)
def test_image_is_found_whatever_its_registry_and_tag(images, reference):
    assert images.find(reference).arguments == ("./podinfo",)


@pytest.mark.parametrize("reference", ["nginx", "podinfo/other", "quay.io/podinfo-canary:1", ""])
def test_image_without_a_program_is_not_found(images, reference):
    assert images.find(reference) is None


@pytest.mark.parametrize(
    ("command", "arguments", "run"),
    [
        pytest.param([], [], ["flagger"], id="the image's own"),
        pytest.param([], ["check"], ["flagger", "check"], id="other arguments"),
        pytest.param(["sh"], [], ["sh"], id="a command takes the place of all of it"),
        pytest.param(["sh"], ["-c", "x"], ["sh", "-c", "x"], id="a command with arguments"),
    ],
)
def test_command_and_arguments_are_kubernetes(images, command, arguments, run):
    assert command_of(images.find("flagger-py"), command, arguments) == run


def test_arguments_of_an_image_are_its_defaults(images):
    podinfo = images.find("podinfo")
    assert command_of(podinfo, [], []) == ["./podinfo"]
    assert command_of(podinfo, [], ["./podinfo", "--port=1"]) == ["./podinfo", "--port=1"]


def test_programs_of_an_image_come_first(images, monkeypatch):
    monkeypatch.setenv("PATH", "/bin")
    assert path_of(images.find("podinfo")).endswith("/podinfo:/bin")


# --- names ---


def service(namespace, name, address):
    meta = {"namespace": namespace, "name": name, "uid": name, "resourceVersion": "1"}
    return whole({"metadata": meta, "spec": {"clusterIP": address} if address else {}}, None)


def test_services_have_their_short_name_in_their_own_namespace_only():
    services = [service("test", "podinfo", "10.0.0.7"), service("other", "podinfo", "10.0.0.8")]
    assert names_in("test", services) == [
        "10.0.0.7 podinfo podinfo.test podinfo.test.svc podinfo.test.svc.cluster.local\n",
        "10.0.0.8 podinfo.other podinfo.other.svc podinfo.other.svc.cluster.local\n",
    ]


@pytest.mark.parametrize("address", ["None", ""])
def test_services_without_an_address_have_no_name(address):
    assert names_in("test", [service("test", "podinfo", address)]) == []


# --- probes and hooks ---


@pytest.mark.parametrize("port", [9898, "http"])
def test_port_is_a_number_or_a_name(port):
    assert port_number(CONTAINER, port) == 9898


def test_port_with_an_unknown_name():
    with pytest.raises(ValueError, match="container podinfod has no port grpc"):
        port_number(CONTAINER, "grpc")


async def never(_command):
    raise AssertionError("nothing is to be run")


def look(action, *, execute=never, seconds=5.0):
    """Return whether an action succeeds."""
    return asyncio.run(succeeds(action, CONTAINER, HOST, execute, seconds=seconds))


def look_by_http(answer):
    """Return whether a probe succeeds that is answered so."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def act():
        async with await asyncio.start_server(serve, HOST, 0) as server:
            get = {"path": "/readyz", "port": server.sockets[0].getsockname()[1]}
            return await succeeds({"httpGet": get}, CONTAINER, HOST, never, seconds=5)

    return asyncio.run(act())


@pytest.mark.parametrize(
    ("status", "good"), [("200 OK", True), ("399 ?", True), ("400 Bad Request", False), ("503 Unavailable", False)]
)
def test_probe_by_http_goes_by_the_status(status, good):
    assert look_by_http(f"HTTP/1.1 {status}\r\n\r\n".encode()) is good


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n", b"HTTP/1.1 fine\r\n"], ids=["none", "nonsense", "no number"])
def test_probe_by_http_without_a_proper_answer_fails(answer):
    assert look_by_http(answer) is False


def test_probe_by_a_connection():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        assert look({"tcpSocket": {"port": port}}) is True
    assert look({"tcpSocket": {"port": port}}) is False


def test_probe_of_a_port_that_nobody_declared_fails():
    assert look({"tcpSocket": {"port": "grpc"}}) is False


@pytest.mark.parametrize(("code", "good"), [(0, True), (1, False)])
def test_probe_by_a_command_goes_by_its_exit_code(code, good):
    ran = []

    async def execute(command):
        ran.append(command)
        return code

    assert look({"exec": {"command": ["true"]}}, execute=execute) is good
    assert ran == [["true"]]


def test_hook_may_sleep_and_takes_no_longer_than_it_may():
    assert look({"sleep": {"seconds": 0}}) is True
    assert look({"sleep": {"seconds": 3600}}, seconds=0.01) is False


# --- what the API server is told ---


def conditions(status):
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def test_report_of_a_pod_that_starts():
    status = starting([CONTAINER], ADDRESS)
    assert (status["phase"], status["podIP"], status["podIPs"]) == ("Pending", "10.244.0.7", [{"ip": "10.244.0.7"}])
    assert conditions(status)["Initialized"] == "True"
    assert conditions(status)["Ready"] == "False"
    (container,) = status["containerStatuses"]
    assert (container["ready"], container["started"], container["state"]["running"]) == (False, False, None)


@pytest.mark.parametrize(("first", "ready"), [(True, "True"), (False, "False")])
def test_pod_is_ready_once_all_its_containers_are(first, ready):
    status = running([(CONTAINER, first, 2), ({**CONTAINER, "name": "other"}, True, 0)], ADDRESS)
    assert conditions(status)["Ready"] == conditions(status)["ContainersReady"] == ready
    assert status["containerStatuses"][0]["restartCount"] == 2
    datetime.fromisoformat(status["containerStatuses"][0]["state"]["running"]["startedAt"])


def test_report_of_an_image_without_a_program_names_it():
    status = unknown_image([CONTAINER], "nginx:1")
    waiting = status["containerStatuses"][0]["state"]["waiting"]
    assert (waiting["reason"], "nginx:1" in waiting["message"]) == ("ImagePullBackOff", True)
    assert "podIP" not in status
