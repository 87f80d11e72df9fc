# A Python client made with grpcio: does every kind of call once and prints what came of it as one JSON object.
import json
import sys

import grpc
from exai.v1 import chat_pb2, chat_service_pb2, chat_service_pb2_grpc, error_pb2, error_reason_pb2
from google.protobuf import struct_pb2
from google.rpc import status_pb2

target, model = sys.argv[1], sys.argv[2]
channel = grpc.insecure_channel(target)
stub = chat_service_pb2_grpc.ChatServiceStub(channel)


def question(text, name=model, **more):
    part = chat_pb2.Part(text=text)
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, content=[part])
    return chat_service_pb2.CompleteRequest(model=name, messages=[message], **more)


def options(**fields):
    struct = struct_pb2.Struct()
    struct.update(fields)
    return {"sandbox": struct}


def unary():
    answer = stub.Complete(question("bonjour, Zürich 🗼"), timeout=10)
    return {"text": answer.message.content[0].text, "output_tokens": answer.usage.output_tokens}


def stream():
    events = list(stub.StreamComplete(question("one two three"), timeout=10))
    return {
        "text": "".join(event.text_delta.text for event in events),
        "kinds": [event.WhichOneof("event") for event in events],
    }


def tool():
    parameters = struct_pb2.Struct()
    parameters.update({"type": "object", "properties": {"city": {"type": "string"}}})
    tools = [chat_pb2.Tool(name="look", parameters=parameters)]
    answer = stub.Complete(question("call the tool", tools=tools), timeout=10)
    call = answer.message.content[0].tool_call
    return {"name": call.name, "arguments": json.loads(call.arguments)}


def error():
    try:
        stub.Complete(question("[[fault:status=503]] hello"), timeout=10)
    except grpc.RpcError as failure:
        trailers = dict(failure.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        info = error_pb2.ErrorInfo()
        assert status.details[0].Unpack(info)
        return {
            "code": failure.code().name,
            "reason": error_reason_pb2.ErrorReason.Name(info.reason),
            "provider": info.provider,
            "same_message": failure.details() == status.message != "",
            "same_id": info.request_id == dict(failure.initial_metadata())["x-request-id"],
        }


def deadline():
    slow = question("hello", "sandbox", provider_options=options(words=100, delay_ms=50))
    try:
        stub.Complete(slow, timeout=0.1)
    except grpc.RpcError as failure:
        return failure.code().name


def cancel():
    call = stub.StreamComplete(question("[[fault:words=400]][[fault:drip-events=20]] leave Python"), timeout=10)
    try:
        for event in call:
            if event.WhichOneof("event") == "text_delta":
                call.cancel()
    except grpc.RpcError as failure:
        return failure.code().name


print(json.dumps({each.__name__: each() for each in (unary, stream, tool, error, deadline, cancel)}))
channel.close()
