"""What both tours ask. EXAI_URL (http://127.0.0.1:8080) and EXAI_API_KEY say where, and who asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from exai.v1.chat_pb2 import ROLE_TOOL, ROLE_USER, Message, Part, Tool, ToolResult
from exai.v1.chat_service_pb2 import CompleteRequest
from exai.v1.files_service_pb2 import UploadFileHeader, UploadFileRequest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

# It answers without an account, and is no model: name a real one, or "auto".
MODEL = "sandbox"

URL = os.environ.get("EXAI_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("EXAI_API_KEY", "")

LINES = b"A line of the file.\n" * 10_000


def user(text: str) -> Message:
    return Message(role=ROLE_USER, content=[Part(text=text)])


def hello(model: str = MODEL) -> CompleteRequest:
    return CompleteRequest(model=model, messages=[user("Hello!")])


def slow(window_seconds: int = 0) -> CompleteRequest:
    """Is answered for more than a second, and goes on without its caller for as long as its window."""
    request = hello()
    request.provider_options["sandbox"].CopyFrom(struct({"words": 60, "delay_ms": 20}))
    if window_seconds > 0:
        request.resume_window.CopyFrom(Duration(seconds=window_seconds))
    return request


def ask_weather(*more: Message) -> CompleteRequest:
    """Asks something that a tool answers."""
    schema = struct({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
    weather = Tool(name="weather", description="The weather in a city", parameters=schema)
    return CompleteRequest(model=MODEL, messages=[user("Ask weather."), *more], tools=[weather])


def answer_tools(asked: Message) -> Message:
    """Answers each tool call of a message."""
    calls = [part.tool_call for part in asked.content if part.HasField("tool_call")]
    results = [ToolResult(call_id=call.call_id, content=[Part(text="sunny")]) for call in calls]
    return Message(role=ROLE_TOOL, content=[Part(tool_result=result) for result in results])


def pieces(filename: str, content: bytes) -> Iterator[UploadFileRequest]:
    """The messages of an upload: what the file is, then its bytes."""
    yield UploadFileRequest(header=UploadFileHeader(filename=filename, size_bytes=len(content)))
    for start in range(0, len(content), 65_536):
        yield UploadFileRequest(chunk=content[start : start + 65_536])


def struct(fields: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(fields)
    return made
