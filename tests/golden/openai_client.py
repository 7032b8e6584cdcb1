#!/usr/bin/env python3
"""The official openai client against a running server, its answers validated strictly.

usage: openai_client.py BASE_URL MODEL KEY    prints what was proven, one line each, then "all good"
"""
import asyncio
import base64
import math
import struct
import sys
import time
import urllib.request

import openai

base, model, key = sys.argv[1:4]
url = base + "/v1"
strict = openai.OpenAI(base_url=url, api_key=key, max_retries=0, _strict_response_validation=True)
plain = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
talk = [{"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello, who are you? ☃"}]


def proven(what):
    print(what, flush=True)


def refused(kind, call, **expected):
    try:
        call()
    except kind as problem:
        for name, value in expected.items():
            assert getattr(problem, name) == value, (name, getattr(problem, name), problem)
        assert problem.body["message"] and "type" in problem.body, problem.body
        return problem
    raise AssertionError(f"{kind.__name__} did not come")


# Models.
assert [each.id for each in strict.models.list()] == [model]
assert strict.models.retrieve(model).owned_by == "ctgpt"
refused(openai.NotFoundError, lambda: strict.models.retrieve("gpt-9"), code="model_not_found",
        param="model")
proven("models")

# Conversations.
ask = dict(model=model, messages=talk, max_completion_tokens=24, seed=7, temperature=1.0)
whole = strict.chat.completions.create(**ask)
assert whole.object == "chat.completion" and whole.choices[0].message.role == "assistant"
assert whole.choices[0].finish_reason in ("stop", "length")
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
assert whole._request_id.startswith("req_")
said = whole.choices[0].message.content
assert strict.chat.completions.create(**ask).choices[0].message.content == said
chunks = list(strict.chat.completions.create(**ask, stream=True,
                                             stream_options={"include_usage": True}))
assert chunks[0].choices[0].delta.role == "assistant"
assert len({each.id for each in chunks}) == 1
text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
assert text == said, (text, said)
assert chunks[-1].choices == []
assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
proven("chat and streamed chat, the same seed")

three = strict.chat.completions.create(**ask, n=3)
assert [each.index for each in three.choices] == [0, 1, 2]
assert three.choices[0].message.content == said
streams = {}
for each in strict.chat.completions.create(**ask, n=3, stream=True):
    for choice in each.choices:
        streams[choice.index] = streams.get(choice.index, "") + (choice.delta.content or "")
assert [streams[i] for i in range(3)] == [each.message.content for each in three.choices]
proven("n")

letters = [c for c in said if c.isascii() and c.isprintable()]
if letters:
    stop = letters[len(letters) // 2]
    cut = strict.chat.completions.create(**ask, stop=[stop])
    assert cut.choices[0].finish_reason == "stop"
    assert cut.choices[0].message.content == said.split(stop)[0]
proven("stop")

told = strict.chat.completions.create(**ask, logprobs=True, top_logprobs=5)
content = told.choices[0].logprobs.content
assert len(content) >= told.usage.completion_tokens - 1
assert b"".join(bytes(each.bytes) for each in content).decode(errors="replace").startswith(
    told.choices[0].message.content[:5])
for each in content:
    assert each.logprob <= 1e-6 and len(each.top_logprobs) == 5
    ranks = [other.logprob for other in each.top_logprobs]
    assert ranks == sorted(ranks, reverse=True)
greedy = strict.chat.completions.create(model=model, messages=talk, max_tokens=8, temperature=0,
                                        logprobs=True, top_logprobs=1)
for each in greedy.choices[0].logprobs.content:
    assert each.token == each.top_logprobs[0].token
proven("log probabilities")

bias = strict.chat.completions.create(model=model, messages=talk, max_tokens=6, temperature=0,
                                      logit_bias={"65": 100})
assert set(bias.choices[0].message.content) == {"A"}, bias.choices[0].message.content
proven("logit_bias")

# Texts.
both = strict.completions.create(model=model, prompt=["Once", [79, 110, 99, 101]], max_tokens=12,
                                 seed=3, temperature=0.9, logprobs=2)
assert both.choices[0].text == both.choices[1].text
assert len(both.choices[0].logprobs.tokens) == len(both.choices[0].logprobs.token_logprobs)
assert both.choices[0].logprobs.text_offset[0] == 4
echo = plain.completions.create(model=model, prompt="Once", max_tokens=4, echo=True, logprobs=1,
                                temperature=0)
assert echo.choices[0].text.startswith("Once")
assert echo.choices[0].logprobs.token_logprobs[0] is None
assert "".join(echo.choices[0].logprobs.tokens[:4]) == "Once"
scored = plain.completions.create(model=model, prompt="Once", max_tokens=0, echo=True,
                                  logprobs=0)
assert scored.choices[0].text == "Once" and len(scored.choices[0].logprobs.tokens) == 4
best = strict.completions.create(model=model, prompt="Once", max_tokens=6, best_of=3, n=1, seed=1)
assert len(best.choices) == 1
pieces = list(plain.completions.create(model=model, prompt="Once", max_tokens=12, seed=3,
                                       temperature=0.9, stream=True))
assert "".join(each.choices[0].text for each in pieces) == both.choices[0].text
proven("completions")

# Embeddings.
# Its default is base64, which it decodes only after a strict client would have refused it.
coded = plain.embeddings.create(model=model, input=["one", "two"])
listed = strict.embeddings.create(model=model, input="two", encoding_format="float")
pairs = zip(coded.data[1].embedding, listed.data[0].embedding)
assert all(abs(a - b) < 1e-6 for a, b in pairs)
assert abs(math.fsum(x * x for x in listed.data[0].embedding) - 1) < 1e-4
raw = plain.embeddings.with_raw_response.create(model=model, input="two",
                                                encoding_format="base64").http_response.json()
values = base64.b64decode(raw["data"][0]["embedding"])
assert abs(struct.unpack("<f", values[:4])[0] - listed.data[0].embedding[0]) < 1e-6
short = strict.embeddings.create(model=model, input="two", encoding_format="float",
                                 dimensions=4)
assert len(short.data[0].embedding) == 4
proven("embeddings")

# Errors.
hi = [{"role": "user", "content": "hi"}]
create = strict.chat.completions.create
refused(openai.NotFoundError, lambda: create(model="gpt-9", messages=hi), code="model_not_found")
refused(openai.BadRequestError, lambda: create(model=model, messages=hi, temperature=3),
        param="temperature")
refused(openai.BadRequestError, lambda: create(model=model, messages=[]), param="messages")
refused(openai.BadRequestError,
        lambda: create(model=model, messages=hi, response_format={"type": "json_object"}),
        param="response_format.type")
long = [{"role": "user", "content": "long " * 2000}]
problem = refused(openai.BadRequestError, lambda: create(model=model, messages=long),
                  code="context_length_exceeded")
assert sum(word.isdigit() for word in problem.body["message"].replace(".", " ").split()) >= 2
stranger = openai.OpenAI(base_url=url, api_key="wrong-key", max_retries=0)
refused(openai.AuthenticationError, stranger.models.list)
proven("errors")


def metric(name):
    asked = urllib.request.Request(base + "/metrics", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(asked) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    raise AssertionError(name)


# A stream that its reader leaves, and many at once.
async def many():
    client = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0,
                                _strict_response_validation=True)
    stream = await client.chat.completions.create(model=model, messages=hi, max_tokens=200,
                                                  stream=True)
    async for _ in stream:
        break
    await stream.close()
    answers = await asyncio.gather(*(client.chat.completions.create(**ask) for _ in range(16)))
    assert {each.choices[0].message.content for each in answers} == {said}
    await client.close()


asyncio.run(many())
for _ in range(100):
    if metric("ctgpt_requests_running") == 0:
        break
    time.sleep(0.05)
assert metric("ctgpt_requests_running") == 0
proven("a stream left early ends; the same answer alone and among sixteen")

# Too many a minute: refused with a time to wait, which the client waits by itself.
limited = openai.OpenAI(base_url=url, api_key="key-of-limited", max_retries=0)
answered = 0
try:
    for _ in range(200):
        limited.completions.create(model=model, prompt="x", max_tokens=1)
        answered += 1
except openai.RateLimitError as problem:
    assert int(problem.response.headers["retry-after"]) >= 1
assert 120 <= answered <= 150, answered
begun = time.time()
limited.with_options(max_retries=4).completions.create(model=model, prompt="x", max_tokens=1)
assert 0.2 < time.time() - begun < 10
proven("rate limit and retries")
print("all good")
