"""Speaks to /v1/responses with OpenAI's Python package, and prints what came of it as one JSON object."""

import json
import sys

from openai import APIError, OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
MODEL = "openai/test-model"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


class Weather(BaseModel):
    city: str
    degrees: int


def streamed():
    with client.responses.stream(model=MODEL, input="hello there") as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        return {"text": "".join(pieces), "final": stream.get_final_response().output_text}


def tools():
    said = [{"role": "user", "content": "call the tool"}]
    first = client.responses.create(model=MODEL, input=said, tools=[WEATHER])
    [call] = [item for item in first.output if item.type == "function_call"]
    said += [item.model_dump(exclude_none=True) for item in first.output]
    said.append({"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"})
    return [call.name, client.responses.create(model=MODEL, input=said, tools=[WEATHER]).output_text]


def conversation():
    first = client.responses.create(model=MODEL, input="one", store=True)
    second = client.responses.create(model=MODEL, input="two", previous_response_id=first.id)
    try:
        client.responses.create(model=MODEL, input="2", previous_response_id=first.id)
        late = "taken"
    except APIError as error:
        late = error.code
    return {"same": first.conversation.id == second.conversation.id, "late": late}


def broken():
    types = []
    try:
        for event in client.responses.create(
            model=MODEL, input="one two three [[fault@openai:end-after-events=3]]", stream=True
        ):
            types.append(event.type)
    except APIError as error:
        types.append(error.code)
    return types


whole = client.responses.create(model=MODEL, input="hello there", instructions="be brief")
parsed = client.responses.parse(model=MODEL, input="how is the weather?", text_format=Weather)
print(
    json.dumps(
        {
            "whole": [whole.output_text, whole.status, whole.usage.total_tokens],
            "parsed": isinstance(parsed.output_parsed, Weather),
            "streamed": streamed(),
            "tools": tools(),
            "conversation": conversation(),
            "broken": broken(),
        }
    )
)
