"""The tour of exai with grpcio. grpc.aio is the same with `await` and `async for`."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc
from exai.v1.chat_pb2 import FINISH_REASON_TOOL_CALLS
from exai.v1.chat_service_pb2 import ResumeStreamRequest
from exai.v1.chat_service_pb2_grpc import ChatServiceStub
from exai.v1.error_reason_pb2 import ERROR_REASON_MODEL_NOT_FOUND
from exai.v1.files_service_pb2 import DeleteFileRequest, DownloadFileRequest
from exai.v1.files_service_pb2_grpc import FilesServiceStub
from exai.v1.monitoring_service_pb2 import WatchStatusRequest
from exai.v1.monitoring_service_pb2_grpc import MonitoringServiceStub
from exai.v1.status_pb2 import HEALTH_STATE_HEALTHY
from exai_client import error_info
from questions import LINES, TOKEN, URL, answer_tools, ask_weather, hello, pieces, slow

METADATA = (("authorization", f"Bearer {TOKEN}"),) if TOKEN else ()


def dial() -> grpc.Channel:
    at = urlsplit(URL)
    if at.scheme == "https":
        return grpc.secure_channel(at.netloc, grpc.ssl_channel_credentials())
    return grpc.insecure_channel(at.netloc)


channel = dial()
chat = ChatServiceStub(channel)
files = FilesServiceStub(channel)
monitoring = MonitoringServiceStub(channel)


def complete() -> None:
    answer = chat.Complete(hello(), metadata=METADATA)
    assert answer.message.content[0].text
    assert answer.cost.known


def stream() -> None:
    events = chat.StreamComplete(hello(), metadata=METADATA)
    assert "Hello!" in "".join(event.text_delta.text for event in events)


def resume() -> None:
    """Leaves a stream after five events, as a broken connection does, and reads on."""
    broken = chat.StreamComplete(slow(window_seconds=60), metadata=METADATA)
    response_id, last = "", 0
    for event in broken:
        if event.HasField("started"):
            response_id = event.started.response_id
        last = max(last, event.sequence)  # a heartbeat has none
        if last == 5:
            break
    broken.cancel()
    rest = ResumeStreamRequest(response_id=response_id, after_sequence=last)
    kind = None
    for event in chat.ResumeStream(rest, metadata=METADATA):
        if event.sequence == 0:
            continue
        assert event.sequence == last + 1
        last, kind = event.sequence, event.WhichOneof("event")
    assert kind == "completed"


def tools() -> None:
    asked = chat.Complete(ask_weather(), metadata=METADATA)
    assert asked.finish_reason == FINISH_REASON_TOOL_CALLS
    told = ask_weather(asked.message, answer_tools(asked.message))
    assert "sunny" in chat.Complete(told, metadata=METADATA).message.content[0].text


def up_and_down() -> None:
    file = files.UploadFile(pieces("lines.txt", LINES), metadata=METADATA).file
    download = files.DownloadFile(DownloadFileRequest(file_id=file.id), metadata=METADATA)
    assert b"".join(piece.chunk for piece in download) == LINES
    files.DeleteFile(DeleteFileRequest(file_id=file.id), metadata=METADATA)


def watch() -> None:
    """Gets the state as it is now, and would get each change of it."""
    states = monitoring.WatchStatus(WatchStatusRequest(), metadata=METADATA)
    assert next(states).status.state == HEALTH_STATE_HEALTHY
    states.cancel()


def errors() -> None:
    try:
        chat.Complete(hello("no-such-model"), metadata=METADATA)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
        info = error_info(error)
        assert info is not None
        assert info.reason == ERROR_REASON_MODEL_NOT_FOUND
        assert info.request_id
    else:
        raise AssertionError("it was answered")


def deadline() -> None:
    try:
        chat.Complete(slow(), timeout=0.2, metadata=METADATA)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    else:
        raise AssertionError("it was answered")


def cancel() -> None:
    events = chat.StreamComplete(slow(), metadata=METADATA)
    try:
        for event in events:
            if event.HasField("text_delta"):
                events.cancel()
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.CANCELLED
    else:
        raise AssertionError("it went on")


if __name__ == "__main__":
    steps = {
        **{"chat": complete, "stream": stream, "resume": resume, "tools": tools, "files": up_and_down},
        **{"watch": watch, "errors": errors, "deadline": deadline, "cancel": cancel},
    }
    for name, step in steps.items():
        step()
        print("ok", name)
    channel.close()
