#!/usr/bin/env python3
"""The official openai package against lfm2-server: what its users do works, and answers are those of `chat`.

    openai_client.py LFM2-SERVER MODEL CHAT COMMANDS.jsonl
"""
import json
import pathlib
import subprocess
import sys

from server_program import check, running

try:
    import openai
except ImportError:
    print("SKIPPED: Python's openai is missing (tools/get-deps --ci installs it)")
    sys.exit(0)

program, model, chat, commands = sys.argv[1:]
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:12]]
GREEDY = {"temperature": 0, "extra_body": {"repetition_penalty": 1}}
TOOLS = [{"type": "function", "function": {
    "name": "start_timer", "description": "Starts a timer",
    "parameters": {"type": "object", "properties": {"minutes": {"type": "integer"}}, "required": ["minutes"]}}}]


def says(text, *options):
    """What `chat` answers to a text, by the likeliest tokens."""
    r = subprocess.run([chat, model, "--prompt", text, "--temperature", "0", "--repetition-penalty", "1", "--threads", "1",
                        *options], capture_output=True, text=True, check=True)
    return r.stdout[:-1]


def user(text):
    return [{"role": "user", "content": text}]


def refused(call, kind, status, param):
    try:
        call()
    except kind as error:
        check(error.status_code == status and error.body["param"] == param and error.body["message"], error.body)
        return
    sys.exit(f"failed: not refused: {param}")


with running(program, model) as server:
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)
    name = client.models.list().data[0].id

    # Chat, whole and streamed.
    for case in cases:
        expected = says(case["user"])
        check(expected == case["call"], case, expected)
        whole = client.chat.completions.create(model=name, messages=user(case["user"]), **GREEDY)
        choice = whole.choices[0]
        check(choice.message.content == expected and choice.finish_reason == "stop" and choice.message.role == "assistant", whole)
        check(whole.model == name and whole.usage.completion_tokens == len(case["greedy"]), whole)
        stream = client.chat.completions.create(model=name, messages=user(case["user"]), stream=True,
                                                stream_options={"include_usage": True}, **GREEDY)
        chunks = list(stream)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        check(text == expected and chunks[0].choices[0].delta.role == "assistant", chunks)
        check(chunks[-2].choices[0].finish_reason == "stop" and chunks[-1].usage == whole.usage.model_copy(
            update={"prompt_tokens_details": chunks[-1].usage.prompt_tokens_details}), chunks[-2:], whole.usage)
        check(len({chunk.id for chunk in chunks}) == 1, chunks)

    # A system text, a history, lengths, stop texts.
    system = [{"role": "developer", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "kind."}]}]
    answer = client.chat.completions.create(model=name, messages=system + user(cases[0]["user"]), **GREEDY)
    check(answer.choices[0].message.content == says(cases[0]["user"], "--system", "Be kind."), answer)
    short = client.chat.completions.create(model=name, messages=user(cases[0]["user"]), max_completion_tokens=3, **GREEDY)
    check(short.choices[0].finish_reason == "length" and short.usage.completion_tokens == 3, short)
    check(cases[0]["call"].startswith(short.choices[0].message.content), short)
    stopped = client.chat.completions.create(model=name, messages=user(cases[0]["user"]), stop=["minutes", "never"], **GREEDY)
    check(stopped.choices[0].message.content == cases[0]["call"].split("minutes")[0], stopped)
    check(stopped.choices[0].finish_reason == "stop", stopped)

    # Equal seeds give equal answers, as hot as can be; others do not.
    hot = [client.chat.completions.create(model=name, messages=user("Tell me a tale"), temperature=2, seed=seed, max_tokens=40,
                                          extra_body={"min_p": 0, "top_k": 0}).choices[0].message.content for seed in (1, 1, 2)]
    check(hot[0] == hot[1] != hot[2], hot)

    # Log probabilities: the tokens are the text, and the likeliest is what was chosen.
    scored = client.chat.completions.create(model=name, messages=user(cases[0]["user"]), logprobs=True, top_logprobs=3, **GREEDY)
    tokens = scored.choices[0].logprobs.content
    check("".join(t.token for t in tokens) == cases[0]["call"] and len(tokens) == scored.usage.completion_tokens, scored)
    check(all(len(t.top_logprobs) == 3 and t.top_logprobs[0].token == t.token and t.logprob <= 0 for t in tokens), scored)
    check(all(bytes(t.bytes).decode() == t.token for t in tokens), scored)

    # A tool is called, and its result answered.
    messages = user(cases[0]["user"])
    called = client.chat.completions.create(model=name, messages=messages, tools=TOOLS, **GREEDY)
    message = called.choices[0].message
    check(called.choices[0].finish_reason == "tool_calls" and message.content is None and len(message.tool_calls) == 1, called)
    call = message.tool_calls[0]
    check(call.type == "function" and call.function.name == "start_timer" and call.id, call)
    check(json.loads(call.function.arguments) == {"minutes": 21}, call)
    messages = messages + [message, {"role": "tool", "tool_call_id": call.id, "content": "{\"ok\": true}"}]
    after = client.chat.completions.create(model=name, messages=messages, tools=TOOLS, **GREEDY)
    check(after.choices[0].finish_reason == "stop" and after.choices[0].message.content, after)
    # As if the model's own words had been kept.
    words = [{"role": "user", "content": cases[0]["user"]}, {"role": "assistant", "content": cases[0]["call"]},
             {"role": "tool", "content": "{\"ok\": true}"}]
    same = client.chat.completions.create(model=name, messages=words, tools=TOOLS, **GREEDY)
    check(same.choices[0].message.content == after.choices[0].message.content, same, after)
    check(same.usage.prompt_tokens == after.usage.prompt_tokens, same.usage, after.usage)
    streamed = list(client.chat.completions.create(model=name, messages=user(cases[0]["user"]), tools=TOOLS, stream=True, **GREEDY))
    deltas = [t for chunk in streamed for t in chunk.choices[0].delta.tool_calls or []]
    check(len(deltas) == 1 and deltas[0].index == 0 and deltas[0].function.name == "start_timer", streamed)
    check(json.loads(deltas[0].function.arguments) == {"minutes": 21}, deltas)
    check(streamed[-1].choices[0].finish_reason == "tool_calls", streamed[-1])
    check(not any(chunk.choices[0].delta.content for chunk in streamed), streamed)
    # Without tools the text is the answer; where they must not be called, it has no calls.
    plain = client.chat.completions.create(model=name, messages=user(cases[0]["user"]), **GREEDY)
    check(plain.choices[0].message.content == cases[0]["call"] and not plain.choices[0].message.tool_calls, plain)
    plain = client.chat.completions.create(model=name, messages=user(cases[0]["user"]), tools=TOOLS, tool_choice="none",
                                           max_tokens=40, **GREEDY)
    check("<|tool_call_start|>" not in plain.choices[0].message.content and not plain.choices[0].message.tool_calls, plain)

    # Where a call must come, one does, whatever was said and however hot the model is: a tool of the request, with arguments
    # that its schema allows.
    tools = TOOLS + [{"type": "function", "function": {"name": "paint", "parameters": {
        "type": "object", "properties": {"color": {"enum": ["red", "blue"]}}, "required": ["color"]}}}]
    for seed in range(8):
        named = {"type": "function", "function": {"name": "paint"}}
        for choice in ("required", named):
            for stream in (False, True):
                arguments = {"model": name, "messages": user("Which day comes after Tuesday?"), "tools": tools, "seed": seed,
                             "tool_choice": choice, "temperature": 1.5, "max_tokens": 200, "parallel_tool_calls": False}
                answer = client.chat.completions.create(**arguments, stream=stream)
                if stream:
                    chunks = list(answer)
                    calls = [t for chunk in chunks for t in chunk.choices[0].delta.tool_calls or []]
                    reason = chunks[-1].choices[0].finish_reason
                else:
                    calls, reason = answer.choices[0].message.tool_calls or [], answer.choices[0].finish_reason
                if reason == "length":
                    continue
                check(reason == "tool_calls" and len(calls) == 1, answer, calls)
                given = json.loads(calls[0].function.arguments)
                if calls[0].function.name == "paint":
                    check(given in ({"color": "red"}, {"color": "blue"}), given)
                else:
                    check(choice == "required" and calls[0].function.name == "start_timer", calls)
                    check(set(given) == {"minutes"} and isinstance(given["minutes"], int), given)

    # An answer by a schema.
    schema = {"type": "object", "properties": {"day": {"enum": ["Monday", "Tuesday", "Wednesday"]}, "sure": {"type": "boolean"},
                                               "others": {"type": "array", "items": {"type": "integer"}, "maxItems": 3}},
              "required": ["day", "sure"], "additionalProperties": False}
    by_schema = {"type": "json_schema", "json_schema": {"name": "day", "strict": True, "schema": schema}}
    for seed in range(8):
        answer = client.chat.completions.create(model=name, messages=user("Which day comes after Tuesday?"), seed=seed,
                                                response_format=by_schema, temperature=1.5, max_tokens=400).choices[0]
        if answer.finish_reason == "length":
            continue
        value = json.loads(answer.message.content)
        check(set(value) in ({"day", "sure"}, {"day", "sure", "others"}) and isinstance(value["sure"], bool), value)
        check(value["day"] in schema["properties"]["day"]["enum"] and len(value.get("others", [])) <= 3, value)
    one = {"model": name, "messages": user("Which day comes after Tuesday?"), "response_format": by_schema, "max_tokens": 60, **GREEDY}
    # What is certain is not chosen, and is the same where each token's score is wanted and nothing is taken at once.
    fast, slow = client.chat.completions.create(**one), client.chat.completions.create(**one, logprobs=True)
    check(fast.choices[0].message.content == slow.choices[0].message.content, fast, slow)
    check(fast.usage.completion_tokens == slow.usage.completion_tokens == len(slow.choices[0].logprobs.content), fast, slow)
    parts = list(client.chat.completions.create(**one, stream=True))
    check("".join(part.choices[0].delta.content or "" for part in parts) == fast.choices[0].message.content, parts)
    some = client.chat.completions.create(model=name, messages=user("Which day comes after Tuesday?"), max_tokens=200,
                                          response_format={"type": "json_object"}, **GREEDY).choices[0]
    check(some.finish_reason == "length" or isinstance(json.loads(some.message.content), dict), some)

    # Completions: a text, ids, several; their log probabilities.
    text = client.completions.create(model=name, prompt="Which day", max_tokens=4, logprobs=2, **GREEDY)
    choice = text.choices[0]
    check("".join(choice.logprobs.tokens) == choice.text and len(choice.logprobs.token_logprobs) == 4, text)
    check(all(len(top) >= 2 for top in choice.logprobs.top_logprobs), text)
    echo = client.completions.create(model=name, prompt="Which day", max_tokens=4, logprobs=2, echo=True, **GREEDY)
    check(echo.choices[0].text == "Which day" + choice.text, echo)
    check(echo.choices[0].logprobs.token_logprobs[-4:] == choice.logprobs.token_logprobs, echo)
    check(echo.choices[0].logprobs.token_logprobs[0] is None, echo)
    several = client.completions.create(model=name, prompt=["Which day", "Which month"], max_tokens=4, **GREEDY)
    check([c.index for c in several.choices] == [0, 1] and several.choices[0].text == choice.text, several)
    pieces = list(client.completions.create(model=name, prompt="Which day", max_tokens=4, stream=True, **GREEDY))
    check("".join(piece.choices[0].text for piece in pieces) == choice.text, pieces)
    check(pieces[-1].choices[0].finish_reason == "length", pieces)
    ended = client.completions.create(model=name, prompt="Which day", logprobs=1, **GREEDY).choices[0]
    check(ended.finish_reason == "stop" and "".join(ended.logprobs.tokens) == ended.text + "<|im_end|>", ended)

    # Errors are the package's own.
    bad, refusal = openai.BadRequestError, client.chat.completions.create
    refused(lambda: refusal(model=name, messages=[{"role": "king", "content": ""}]), bad, 400, "messages[0].role")
    refused(lambda: refusal(model=name, messages=user("a"), temperature=3), bad, 400, "temperature")
    refused(lambda: refusal(model=name, messages=user("a"), n=2), bad, 400, "n")
    refused(lambda: refusal(model=name, messages=user("word " * 5000)), bad, 400, "messages")
    refused(lambda: client.completions.create(model=name, prompt=[5, 10 ** 6]), bad, 400, "prompt[1]")
    refused(lambda: client.embeddings.create(model=name, input="a"), openai.NotFoundError, 404, None)
print("ok")
