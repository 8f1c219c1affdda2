#!/usr/bin/env python3
"""Whatever a request is, the server lives, says 400 and which field it means, and answers the next one.

    bad_requests.py LFM2-SERVER MODEL
"""
import http.client
import json
import socket
import sys

from server_program import check, running

program, model = sys.argv[1:]
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


def chat(**fields):
    return json.dumps({"messages": [USER], **fields}).encode()


def call(**function):
    return {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]}


def of(message):
    return json.dumps({"messages": [USER, message]}).encode()


deep = 10 ** 6
# What is sent to /v1/chat/completions, and the field that the answer names; None: the body as a whole.
CHAT = [
    (b"", None), (b"{", None), (b"null", None), (b"[]", None), (b"\"messages\"", None), (b"{} {}", None), (b"\xff\xfe", None),
    (b"\xef\xbb\xbf[]", None), (b"{\"messages\"", "messages"), (b"{'messages': 1}", None), (b"\0", None),
    (b"[" * deep, None), (b"{\"a\":" * (deep * 4 // 5), "a.a.a.a.a"), (b"{\"messages\":" + b"[" * deep, "messages[0][0]"),
    (b"{\"messages\":[{\"role\":\"user\",\"content\":" + b"{\"x\":" * (deep // 2), "messages[0].content.x.x"),
    (b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", "messages[0].content"),
    (b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xc0\x80\"}]}", "messages[0].content"),
    (b"{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", "messages[0].content"),
    (b"{\"messages\":[],\"temperature\":NaN}", "temperature"), (b"{\"messages\":[],\"temperature\":-Infinity}", "temperature"),
    (b"{\"messages\":[],\"temperature\":1e999}", "temperature"), (b"{\"messages\":[],\"top_p\":0x1}", "top_p"),
    (b"{\"messages\":[],\"messages\":[]}", "messages"), (b"{\"stop\":\"a\",\"stop\":\"b\"}", "stop"),
    (b"{" + b",".join(b"\"k%d\":0" % i for i in range(600)) + b"}", "k512"),
    (b"{\"logit_bias\":[" + b"0," * 300000 + b"0]}", "logit_bias[2621"),
    (b"{}", "messages"), (b"{\"messages\":null}", "messages"), (b"{\"messages\":[]}", "messages"),
    (b"{\"messages\":\"hi\"}", "messages"), (b"{\"messages\":{}}", "messages"), (b"{\"messages\":[1]}", "messages[0]"),
    (of({}), "messages[1].role"), (of({"role": "usr", "content": ""}), "messages[1].role"),
    (of({"role": None, "content": ""}), "messages[1].role"), (of({"role": ["user"], "content": ""}), "messages[1].role"),
    (of({"role": "function", "content": "", "name": "f"}), "messages[1].role"),
    (of({"role": "user"}), "messages[1].content"), (of({"role": "user", "content": None}), "messages[1].content"),
    (of({"role": "user", "content": 5}), "messages[1].content"), (of({"role": "user", "content": {}}), "messages[1].content"),
    (of({"role": "assistant"}), "messages[1].content"), (of({"role": "user", "content": [5]}), "messages[1].content[0]"),
    (of({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}), "messages[1].content[0].type"),
    (of({"role": "user", "content": [{"type": "text", "text": 5}]}), "messages[1].content[0].text"),
    (of({"role": "user", "content": "", "tool_calls": []}), "messages[1].tool_calls"),
    (of({"role": "assistant", "tool_calls": 5}), "messages[1].tool_calls"),
    (of({"role": "assistant", "tool_calls": []}), "messages[1].tool_calls"),
    (of({"role": "assistant", "tool_calls": ["f()"]}), "messages[1].tool_calls[0]"),
    (of({"role": "assistant", "tool_calls": [{"type": "x"}]}), "messages[1].tool_calls[0].type"),
    (of({"role": "assistant", "tool_calls": [{}]}), "messages[1].tool_calls[0].function"),
    (of(call()), "messages[1].tool_calls[0].function.name"), (of(call(name="")), "messages[1].tool_calls[0].function.name"),
    (of(call(name="f", arguments="{")), "messages[1].tool_calls[0].function.arguments"),
    (of(call(name="f", arguments="[1]")), "messages[1].tool_calls[0].function.arguments"),
    (of(call(name="f", arguments="[" * 100000)), "messages[1].tool_calls[0].function.arguments"),
    (of(call(name="f", arguments=5)), "messages[1].tool_calls[0].function.arguments"),
    (of({"role": "tool", "content": "", "tool_call_id": 5}), "messages[1].tool_call_id"),
    (of({"role": "assistant", "content": "", "reasoning_content": 5}), "messages[1].reasoning_content"),
    (chat(model=5), "model"), (chat(temperature="1"), "temperature"), (chat(temperature=-0.1), "temperature"),
    (chat(temperature=2.1), "temperature"), (chat(temperature=[]), "temperature"), (chat(top_p=1.5), "top_p"),
    (chat(top_p=-1), "top_p"), (chat(top_k=-1), "top_k"), (chat(top_k=1.5), "top_k"), (chat(top_k=2 ** 32), "top_k"),
    (chat(min_p=2), "min_p"), (chat(repetition_penalty=0), "repetition_penalty"), (chat(seed=1.5), "seed"),
    (chat(seed=2 ** 64), "seed"), (chat(seed="1"), "seed"), (chat(n=2), "n"), (chat(n="1"), "n"), (chat(n=-1), "n"),
    (chat(max_tokens=0), "max_tokens"), (chat(max_tokens=-1), "max_tokens"), (chat(max_tokens=2 ** 63), "max_tokens"),
    (chat(max_tokens=2 ** 64), "max_tokens"), (chat(max_tokens=1.0), "max_tokens"), (chat(max_tokens=True), "max_tokens"),
    (chat(n_predict=2 ** 63), "n_predict"), (chat(n_predict=-1), "n_predict"),
    (chat(max_completion_tokens=2 ** 63), "max_completion_tokens"), (chat(frequency_penalty=0.5), "frequency_penalty"),
    (chat(presence_penalty=-1), "presence_penalty"), (chat(presence_penalty="0"), "presence_penalty"),
    (chat(stop=5), "stop"), (chat(stop=[""]), "stop"), (chat(stop="x" * 65), "stop"), (chat(stop=["a"] * 9), "stop"),
    (chat(stop=[["a"]]), "stop"), (chat(stream="yes"), "stream"), (chat(stream=1), "stream"),
    (chat(stream_options={}), "stream_options"), (chat(stream=True, stream_options=[]), "stream_options"),
    (chat(stream=True, stream_options={"include_usage": 1}), "stream_options.include_usage"),
    (chat(logprobs=5), "logprobs"), (chat(logprobs=True, top_logprobs=21), "top_logprobs"), (chat(top_logprobs=1), "top_logprobs"),
    (chat(logprobs=True, top_logprobs=-1), "top_logprobs"), (chat(logit_bias=[]), "logit_bias"),
    (chat(logit_bias={"x": 1}), "logit_bias"), (chat(logit_bias={"-1": 1}), "logit_bias"),
    (chat(logit_bias={"99999999": 1}), "logit_bias"), (chat(logit_bias={"1": 101}), "logit_bias"),
    (chat(logit_bias={"1": "5"}), "logit_bias"), (chat(tools=5), "tools"), (chat(tools=[5]), "tools[0]"),
    (chat(tools=[{"type": "x"}]), "tools[0].type"), (chat(tools=[{"type": "function"}]), "tools[0].function"),
    (chat(tools=[TOOL, {"type": "function", "function": {}}]), "tools[1].function.name"),
    (chat(tools=[{"type": "function", "function": {"name": "f", "parameters": 5}}]), "tools[0].function.parameters"),
    (chat(tool_choice="required"), "tool_choice"), (chat(tools=[TOOL], tool_choice="any"), "tool_choice"),
    (chat(tools=[TOOL], tool_choice=5), "tool_choice"), (chat(tools=[TOOL], tool_choice={"type": "function"}), "tool_choice"),
    (chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "g"}}), "tool_choice"),
    (chat(response_format="json"), "response_format"), (chat(response_format={}), "response_format.type"),
    (chat(response_format={"type": "xml"}), "response_format.type"),
    (chat(response_format={"type": "json_schema"}), "response_format.json_schema.schema"),
    (chat(response_format={"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}),
     "response_format.json_schema.schema"),
    (chat(response_format={"type": "json_schema", "json_schema": {"schema": {"pattern": "("}}}),
     "response_format.json_schema.schema"),
    (chat(response_format={"type": "json_object"}, tools=[TOOL]), "response_format"),
    (chat(response_format={"type": "json_schema", "json_schema": {"schema": {"enum": list(range(5000))}}}),
     "response_format.json_schema.schema"),
    (chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "nothing"}}}]), "tools"),
    (chat(tools=[TOOL], parallel_tool_calls="no"), "parallel_tool_calls"),
    (chat(functions=[]), "functions"), (chat(modalities=["audio"]), "modalities"), (chat(audio={}), "audio"),
    (json.dumps({"messages": [{"role": "user", "content": "word " * 5000}]}).encode(), "messages"),
]


def complete(prompt, **fields):
    return json.dumps({"prompt": prompt, **fields}).encode()


COMPLETIONS = [
    (b"{}", "prompt"), (complete(None), "prompt"), (complete(5), "prompt"), (complete([]), "prompt"), (complete({}), "prompt"),
    (complete([[]]), "prompt[0]"), (complete([1, -1]), "prompt[1]"), (complete([1, 2 ** 31]), "prompt[1]"),
    (complete([1, 1.5]), "prompt[1]"), (complete([1, "a"]), "prompt[1]"), (complete(["a", 1]), "prompt[1]"),
    (complete(["a", [None]]), "prompt[1][0]"), (complete(["a"] * 65), "prompt"), (complete([1] * 5000), "prompt"),
    (complete("a", echo="x"), "echo"), (complete("a", max_tokens=0), "max_tokens"), (complete("a", logprobs=True), "logprobs"),
    (complete("a", logprobs=21), "logprobs"), (complete("a", best_of=2), "best_of"), (complete("a", suffix="b"), "suffix"),
    (complete("a", n_predict=2 ** 63), "n_predict"), (complete("a", n_predict=-1), "n_predict"),
]

with running(program, model) as server:
    for path, cases in (("/v1/chat/completions", CHAT), ("/v1/completions", COMPLETIONS)):
        for body, param in cases:
            reply = server.post(path, body)
            check(reply.status == 400 and reply.headers["Content-Type"] == "application/json", body[:200], reply)
            error = reply.json()["error"]
            check(set(error) == {"message", "type", "param", "code"}, error)
            check(error["type"] == "invalid_request_error" and error["message"], body[:200], error)
            named = error["param"] is None if param is None else (error["param"] or "").startswith(param)
            check(named, body[:200], param, error)
            check(len(error["message"]) < 700 and error["message"].isprintable(), error)
    # What is valid, though it looks odd.
    for fields in ({"stop": None, "tools": [], "tool_choice": "auto", "n": 1.0, "user": "me", "metadata": {"a": 1}},
                   {"seed": -1, "top_p": 0, "temperature": 1}, {"seed": 2 ** 64 - 1, "max_tokens": 2 ** 32 - 1},
                   {"max_completion_tokens": 3, "frequency_penalty": 0.0, "logit_bias": {"5": -100}},
                   {"response_format": {"type": "text"}, "modalities": ["text"]},
                   {"n_discard": -2 ** 31, "n_keep": -1, "chat_parser": "{}", "slot_id": -1}):  # of llama.cpp, not of this one
        reply = server.post("/v1/chat/completions", chat(**fields))
        check(reply.status == 200, fields, reply)

    # What is wrong before the body.
    def status(method, path, body=None, **headers):
        return server.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}).status

    good = chat(max_tokens=1)
    post = "/v1/chat/completions"
    check(status("POST", post, good, Content_Type="application/json; charset=utf-8") == 200)
    check(status("POST", post, good, Content_Type="text/plain") == 415)
    check(status("POST", post, good, Content_Type="multipart/form-data; boundary=x") == 415)
    check(status("POST", post, good) == 415)
    check(status("POST", post, good, Content_Type="application/json", Content_Encoding="gzip") == 415)
    check(status("GET", post) == 405 and status("POST", "/health", good, Content_Type="application/json") == 405)
    check(status("DELETE", "/v1/models") == 405 and status("BREW", "/") in (400, 405))
    check(status("GET", "/nothing") == 404 and status("GET", "/v1/chat/completions/../../x") == 404)
    check(status("POST", post, b" " * (4 << 20) + good, Content_Type="application/json") == 413)
    check(status("GET", "/" + "x" * 10000) == 414)
    check(status("GET", "/health", X_Long="x" * 40000) == 431)
    check(status("GET", "/health", **{f"X_{i}": "x" * 500 for i in range(90)}) == 431)
    # The cpp-httplib of Debian 13 itself refuses more than 100 headers.
    check(status("GET", "/health", **{f"X_{i}": "x" * 100 for i in range(400)}) in (400, 431))
    check(status("GET", "/health", Host="evil.example") == 403 and status("GET", "/health", Host="localhost:1") == 200)
    check(status("POST", post, good, Content_Type="application/json", Origin="http://evil.example") == 403)
    check(status("POST", post, good, Content_Type="application/json", Origin=server.url) == 200)

    def sent(text):
        connection = socket.create_connection((server.host, server.port), timeout=30)
        connection.sendall(text)
        return connection

    def raw(text):
        """Status and body of the answer, however many pieces it comes in."""
        with sent(text) as connection, http.client.HTTPResponse(connection) as response:
            response.begin()
            return response.status, response.read()

    head = b"POST " + post.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for lengths in (b"", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Content-Length: -1\r\n", b"Content-Length: x\r\n",
                    b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"):
        answer = raw(head + lengths + b"\r\n" + good)
        check(answer[0] in (400, 411, 413) and answer[1].startswith(b"{\"error\""), lengths, answer)
    check(raw(b"\r\n\r\n")[0] == 400 and raw(b"GET / HTTP/9.9\r\n\r\n")[0] == 400)
    check(raw(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")[0] == 400)
    # Clients that are gone before an answer.
    sent(b"\0" * 1000).close()
    sent(head + b"Content-Length: 1000\r\n\r\n{").close()

    # The server continues to answer.
    check(server.chat("hi", max_tokens=1)["usage"]["completion_tokens"] == 1)
print("ok")
