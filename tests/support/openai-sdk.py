"""Runs the written list of calls with OpenAI's Python package: the chats come on stdin, and what came of each goes to stdout."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)


def outcome(call):
    try:
        return call()
    except openai.APIError as error:
        return {"reason": error.code}


def tokens(usage):
    return [
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens_details.cached_tokens,
        usage.completion_tokens_details.reasoning_tokens,
    ]


def whole(body):
    answer = client.chat.completions.create(**body)
    choice = answer.choices[0]
    return {
        "text": choice.message.content or "",
        "calls": [[one.function.name, one.function.arguments] for one in choice.message.tool_calls or []],
        "finish": choice.finish_reason,
        "model": answer.model,
        "tokens": tokens(answer.usage),
    }


def streamed(body):
    text, calls, finish, model, usage = "", [], None, None, None
    for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
        model, usage = chunk.model, chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for one in choice.delta.tool_calls or []:
                if one.index == len(calls):
                    calls.append([one.function.name, ""])
                calls[one.index][1] += one.function.arguments or ""
    return {"text": text, "calls": calls, "finish": finish, "model": model, "tokens": tokens(usage)}


def others():
    seen = {"models": [one.id for one in client.models.list()]}
    seen["model"] = client.models.retrieve("openai/test-model").id
    made = client.files.create(file=("ö.txt", b"blue grass"), purpose="user_data")
    seen["file"] = [made.filename, made.bytes, made.purpose]
    seen["listed"] = [one.id == made.id for one in client.files.list(limit=1)]
    seen["found"] = client.files.retrieve(made.id).id == made.id
    seen["content"] = client.files.content(made.id).text
    seen["deleted"] = client.files.delete(made.id).deleted
    seen["gone"] = outcome(lambda: client.files.retrieve(made.id))
    answer = client.embeddings.create(model="openai/text-embedding-3-small", input=["one", "two words"])
    seen["vectors"] = [one.embedding for one in answer.data]
    return seen


bodies = json.load(sys.stdin)
json.dump(
    {
        "whole": [outcome(lambda: whole(body)) for body in bodies],
        "streamed": [outcome(lambda: streamed(body)) for body in bodies],
        "others": others(),
    },
    sys.stdout,
)
