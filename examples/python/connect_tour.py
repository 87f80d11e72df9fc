"""
The tour of exai with connectrpc, async. The clients whose names end in Sync are the same without `await`.
EXAI_PROTOCOL is connect, grpc or grpc-web.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from exai.v1.chat_pb2 import FINISH_REASON_TOOL_CALLS
from exai.v1.chat_service_connect import ChatServiceClient
from exai.v1.chat_service_pb2 import ResumeStreamRequest
from exai.v1.error_reason_pb2 import ERROR_REASON_MODEL_NOT_FOUND
from exai.v1.files_service_connect import FilesServiceClient
from exai.v1.files_service_pb2 import DeleteFileRequest, DownloadFileRequest, UploadFileRequest
from exai.v1.monitoring_service_connect import MonitoringServiceClient
from exai.v1.monitoring_service_pb2 import WatchStatusRequest
from exai.v1.status_pb2 import HEALTH_STATE_HEALTHY
from exai_client import error_info
from pyqwest import Client, HTTPTransport, HTTPVersion
from questions import LINES, TOKEN, URL, answer_tools, ask_weather, hello, pieces, slow

PROTOCOL = {
    "connect": ProtocolType.CONNECT,
    "grpc": ProtocolType.GRPC,
    "grpc-web": ProtocolType.GRPC_WEB,
}[os.environ.get("EXAI_PROTOCOL", "connect")]

HEADERS = {"authorization": f"Bearer {TOKEN}"} if TOKEN else {}

# HTTP/2 also without TLS: gRPC needs it.
http = Client(HTTPTransport(http_version=HTTPVersion.HTTP2))
chat = ChatServiceClient(URL, protocol=PROTOCOL, http_client=http)
files = FilesServiceClient(URL, protocol=PROTOCOL, http_client=http)
monitoring = MonitoringServiceClient(URL, protocol=PROTOCOL, http_client=http)


async def complete() -> None:
    answer = await chat.complete(hello(), headers=HEADERS)
    assert answer.message.content[0].text
    assert answer.cost.known


async def stream() -> None:
    events = chat.stream_complete(hello(), headers=HEADERS)
    assert "Hello!" in "".join([event.text_delta.text async for event in events])


async def resume() -> None:
    """Leaves a stream after five events, as a broken connection does, and reads on."""
    response_id, last = "", 0
    stream = chat.stream_complete(slow(window_seconds=60), headers=HEADERS)
    async with aclosing(stream) as broken:  # type: ignore[type-var]
        async for event in broken:
            if event.HasField("started"):
                response_id = event.started.response_id
            last = max(last, event.sequence)  # a heartbeat has none
            if last == 5:
                break
    rest = ResumeStreamRequest(response_id=response_id, after_sequence=last)
    kind = None
    async for event in chat.resume_stream(rest, headers=HEADERS):
        if event.sequence == 0:
            continue
        assert event.sequence == last + 1
        last, kind = event.sequence, event.WhichOneof("event")
    assert kind == "completed"


async def tools() -> None:
    asked = await chat.complete(ask_weather(), headers=HEADERS)
    assert asked.finish_reason == FINISH_REASON_TOOL_CALLS
    told = ask_weather(asked.message, answer_tools(asked.message))
    answer = await chat.complete(told, headers=HEADERS)
    assert "sunny" in answer.message.content[0].text


async def up_and_down() -> None:
    async def sent() -> AsyncIterator[UploadFileRequest]:
        for piece in pieces("lines.txt", LINES):
            yield piece

    file = (await files.upload_file(sent(), headers=HEADERS)).file
    download = files.download_file(DownloadFileRequest(file_id=file.id), headers=HEADERS)
    assert b"".join([piece.chunk async for piece in download]) == LINES
    await files.delete_file(DeleteFileRequest(file_id=file.id), headers=HEADERS)


async def watch() -> None:
    """Gets the state as it is now, and would get each change of it."""
    watching = monitoring.watch_status(WatchStatusRequest(), headers=HEADERS)
    async with aclosing(watching) as states:  # type: ignore[type-var]
        async for answer in states:
            assert answer.status.state == HEALTH_STATE_HEALTHY
            break


async def errors() -> None:
    try:
        await chat.complete(hello("no-such-model"), headers=HEADERS)
    except ConnectError as error:
        assert error.code == Code.NOT_FOUND
        info = error_info(error)
        assert info is not None
        assert info.reason == ERROR_REASON_MODEL_NOT_FOUND
        assert info.request_id
    else:
        raise AssertionError("it was answered")


async def deadline() -> None:
    try:
        await chat.complete(slow(), headers=HEADERS, timeout_ms=200)
    except ConnectError as error:
        assert error.code == Code.DEADLINE_EXCEEDED
    else:
        raise AssertionError("it was answered")


async def cancel() -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for event in chat.stream_complete(slow(), headers=HEADERS):
            if event.HasField("text_delta"):
                begun.set()

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled() or isinstance(reading.exception(), ConnectError)


async def main() -> None:
    steps = {
        **{"chat": complete, "stream": stream, "resume": resume, "tools": tools, "files": up_and_down},
        **{"watch": watch, "errors": errors, "deadline": deadline, "cancel": cancel},
    }
    for name, step in steps.items():
        await step()
        print("ok", name)
    # pyqwest hands an answer to this loop from a thread of its own; Python before 3.14 that ends meanwhile is aborted.
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
