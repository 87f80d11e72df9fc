"""The two other ways: grpc.aio, and connectrpc without asyncio. A question and a stream each."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import grpc.aio
from connectrpc.errors import ConnectError
from exai.v1.chat_service_connect import ChatServiceClientSync
from exai.v1.chat_service_pb2_grpc import ChatServiceStub
from exai_client import error_info
from questions import TOKEN, URL, hello

CREDENTIAL = {"authorization": f"Bearer {TOKEN}"} if TOKEN else {}


def with_connect() -> None:
    chat = ChatServiceClientSync(URL)
    assert chat.complete(hello(), headers=CREDENTIAL).message.content[0].text
    events = chat.stream_complete(hello(), headers=CREDENTIAL)
    assert "Hello!" in "".join(event.text_delta.text for event in events)
    try:
        chat.complete(hello("no-such-model"), headers=CREDENTIAL)
    except ConnectError as error:
        assert error_info(error) is not None
    else:
        raise AssertionError("it was answered")


async def with_grpc_aio() -> None:
    metadata = tuple(CREDENTIAL.items())
    async with grpc.aio.insecure_channel(urlsplit(URL).netloc) as channel:
        chat = ChatServiceStub(channel)
        answer = await chat.Complete(hello(), metadata=metadata)
        assert answer.message.content[0].text
        events = chat.StreamComplete(hello(), metadata=metadata)
        assert "Hello!" in "".join([event.text_delta.text async for event in events])
        try:
            await chat.Complete(hello("no-such-model"), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            assert error_info(error) is not None
        else:
            raise AssertionError("it was answered")


if __name__ == "__main__":
    with_connect()
    print("ok connect, sync")
    asyncio.run(with_grpc_aio())
    print("ok grpc, async")
