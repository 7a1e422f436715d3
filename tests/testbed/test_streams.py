"""The kubelet's end of `kubectl exec` and `kubectl logs`: frames of a WebSocket, and how a command ended."""

import asyncio
import struct

import pytest

from testbed.mesh.streams import Streams, WebSocket, ended, tail

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # the example of RFC 6455, 1.3
MASK = bytes([0x37, 0xFA, 0x21, 0x3D])
BINARY, PING, GOODBYE = 2, 9, 8


def frame(payload, opcode=BINARY):
    """Return a frame as a client sends it."""
    size = len(payload)
    long = b"\xfe" + struct.pack("!H", size) if size <= 0xFFFF else b"\xff" + struct.pack("!Q", size)
    length = bytes([0x80 | size]) if size < 126 else long
    return bytes([0x80 | opcode]) + length + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))


def with_socket(sent, act):
    """Return what ``act`` returns of a WebSocket whose client has sent something, and what the client got."""

    async def run():
        got = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            socket = WebSocket(reader, writer, KEY)
            got.set_result(await act(socket))
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            received = await reader.read()
            writer.close()
            return await got, received

    return asyncio.run(run())


def test_handshake_is_that_of_the_standard():
    _, received = with_socket(b"", WebSocket.open)
    assert received.startswith(b"HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n".encode() in received
    assert received.endswith(b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 0xFFFF, 0x10000])
def test_frames_of_every_length_are_read(size):
    payload = b"x" * size
    assert with_socket(frame(payload), WebSocket.receive)[0] == payload


@pytest.mark.parametrize(("size", "head"), [(125, b"\x82\x7d"), (126, b"\x82\x7e\x00\x7e")])
def test_frames_are_written_with_their_length(size, head):
    _, received = with_socket(b"", lambda socket: socket.send(b"x" * size))
    assert received == head + b"x" * size


def test_ping_is_answered_with_what_it_carries():
    message, received = with_socket(frame(b"beat", PING), WebSocket.receive)
    assert (message, received) == (b"", b"\x8a\x04beat")


def test_goodbye_is_the_end():
    assert with_socket(frame(struct.pack("!H", 1000), GOODBYE), WebSocket.receive)[0] is None


def test_closing_says_that_all_was_well():
    assert with_socket(b"", WebSocket.close)[1] == b"\x88\x02" + struct.pack("!H", 1000)


@pytest.mark.parametrize(("code", "said"), [(1, "1"), (137, "137"), (-9, "137")], ids=["failed", "as said", "killed"])
def test_exit_code_of_a_command_is_told_as_kubernetes_does(code, said):
    status = ended(code)
    assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": said}]


def test_success_of_a_command():
    assert ended(0) == {"metadata": {}, "status": "Success"}


@pytest.mark.parametrize(("lines", "end"), [(-1, "1\n2\n3\n"), (2, "2\n3\n"), (0, ""), (9, "1\n2\n3\n")])
def test_end_of_a_log(tmp_path, lines, end):
    log = tmp_path / "log"
    log.write_text("1\n2\n3\n")
    assert tail(log, lines) == end


def test_log_of_a_container_that_has_not_printed(tmp_path):
    assert tail(tmp_path / "log", -1) == ""


def test_port_forward_is_refused_with_a_reason():
    async def run():
        async with await asyncio.start_server(Streams({}).answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"POST /portForward/test/podinfo HTTP/1.1\r\nHost: node\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"portForward is not served" in answer
