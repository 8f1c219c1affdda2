#!/usr/bin/env python3
"""lfm2-server as a program that others run: keys, its queue, clients that go or do not read, signals, times, wrong usage.

    behaviour.py LFM2-SERVER MODEL
"""
import contextlib
import http.client
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from server_program import GREEDY, JSON, Server, check, content_of, events_of, running

program, model = sys.argv[1:]
CHAT = "/v1/chat/completions"
# A drive that is so slow that answers take seconds.
SLOW = ("--storage", "direct", "--throttle", "8MB", "--no-read-ahead")
LONG = {"messages": [{"role": "user", "content": "Tell me a tale"}], "max_tokens": 12, "stream": True, **GREEDY}


class Streamed:
    """A request whose response is read when the test likes."""

    def __init__(self, server, **fields):
        self.connection = server.connect()
        self.connection.request("POST", CHAT, json.dumps({**LONG, **fields}), JSON)
        self.response = None

    def first(self):
        self.response = self.connection.getresponse()
        check(self.response.status == 200, self.response.status)
        return self.response.readline()

    def rest(self):
        body = self.response.read()
        self.connection.close()
        return body

    def finish(self):
        self.response = self.connection.getresponse()
        check(self.response.status == 200, self.response.status)
        return self.rest()

    def leave(self):
        # Before the response is there, the socket is the connection's alone.
        (self.response or self.connection).close()
        self.connection.close()


def keys():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "keys")
        path.write_text("# of the house\nfirst-key\n\nsecond key \r\n", encoding="utf-8")
        with running(program, model, "--api-key-file", path) as server:
            for given in (None, "", "Bearer", "Bearer ", "Bearer first-ke", "Bearer first-keyy", "Bearer # of the house", "first-key",
                          "Basic first-key", "bearer first-key", "Bearer second", "Bearer first-key\tfirst-key"):
                headers = {} if given is None else {"Authorization": given}
                for reply in (server.get("/v1/models", **headers), server.get("/metrics", **headers),
                              server.post(CHAT, {"messages": LONG["messages"], "max_tokens": 1}, **headers)):
                    check(reply.status == 401 and reply.json()["error"]["code"] == "invalid_api_key", given, reply)
                    check(reply.headers["WWW-Authenticate"] == "Bearer", reply)
            for key in ("first-key", "second key"):
                check(server.get("/v1/models", Authorization="Bearer " + key).status == 200, key)
            check(server.get("/health").status == 200 and server.get("/").status == 200)
        path.write_text("# none\n", encoding="utf-8")
        refuses("has no API keys", "--api-key-file", path)
        refuses("no such file", "--api-key-file", path.parent / "missing")


def refuses(part, *options, code=1):
    port = () if "--port" in options else ("--port", "0")
    r = subprocess.run([program, model, *port, *map(str, options)], capture_output=True, text=True, timeout=60, check=False)
    check(r.returncode == code and part in r.stderr and not r.stdout, options, r)


def usage():
    refuses("--port", "--port", "70000", code=2)
    refuses("--sessions", "--sessions", "0", code=2)
    refuses("needs --storage direct", "--throttle", "1MB", code=2)
    refuses("is too small", "--arena", "1000", "--sessions", "2")
    refuses("cannot listen on", "--host", "198.51.100.7")
    with running(program, model) as server:
        refuses("cannot listen on", "--port", server.port)
        page = server.get("/")
        check(page.headers["Content-Type"].startswith("text/html") and "default-src 'none'" in page.headers["Content-Security-Policy"],
              page)
        check(b"<textarea" in page.body and b"://" not in page.body.replace(b"data:,", b""), "the page refers to something outside")
        check(server.request("HEAD", "/health").status == 200)
        # One connection for several requests.
        with contextlib.closing(server.connect()) as connection:
            for _ in range(3):
                connection.request("POST", CHAT, json.dumps({**LONG, "stream": False, "max_tokens": 2}), JSON)
                check(json.loads(connection.getresponse().read())["usage"]["completion_tokens"] == 2)
        errors = server.stop()
        check("arena region" in errors and "4 sessions" in errors, errors)
    # Memory: the plan holds for all sessions together, also where each reads its experts.
    for options in (("--sessions", 2), ("--sessions", 2, "--storage", "direct", "--arena", "20MB"), ("--storage", "memory")):
        with running(program, model, *options) as server:
            check(server.chat("set the hallway to 17 degrees")["choices"][0]["message"]["content"].startswith("<|tool_call_start|>["))
            check(server.metric("lfm2_arena_bytes") <= 25e6, options)


def empty_texts():
    """As the OpenAI API: an empty text is answered, a message without one is refused. Without a name the model is
    called what its publisher may have called it."""
    with running(program, model, "--sessions", 1) as server:
        for text in ("", "  \n"):
            check(server.chat(text, max_tokens=4)["usage"]["completion_tokens"] > 0, text)
        check(server.chat("x", max_tokens=1)["model"] == "Home", "the model's name")
        for message in ({"role": "user"}, {"role": "user", "content": None}, {"role": "user", "content": []}):
            reply = server.post(CHAT, {"messages": [message]})
            check(reply.status == 400 and reply.json()["error"]["param"] == "messages[0].content", reply)
        check(server.complete("", max_tokens=2)["usage"]["completion_tokens"] > 0, "an empty prompt")
        for body in ({"prompt": []}, {}, {"prompt": None}):
            check(server.post("/v1/completions", body).json()["error"]["param"] == "prompt", body)


def queue():
    with running(program, model, *SLOW, "--sessions", 1, "--queue", 1) as server:
        one = Streamed(server)
        one.first()
        two = Streamed(server)
        server.wait_for_metric("lfm2_answers_waiting", 1)
        for stream in (True, False):
            reply = server.post(CHAT, {**LONG, "stream": stream})
            check(reply.status == 503 and int(reply.headers["Retry-After"]) >= 1 and reply.json()["error"]["code"] == "busy", reply)
        whole = one.rest()
        check(two.first().startswith(b"data: {"))
        check(whole.endswith(b"data: [DONE]\n\n"))
        two.rest()
        check(server.metric("lfm2_answers_running") == 0)
    # Several at once: each has begun before the first has ended.
    with running(program, model, *SLOW, "--sessions", 3) as server:
        requests = [Streamed(server) for _ in range(3)]
        check(all(request.first().startswith(b"data: {") for request in requests))
        check(server.metric("lfm2_answers_total") == 0 and server.metric("lfm2_answers_running") == 3)
        check(len({request.rest()[-100:] for request in requests}) == 1)
    # First come, first served.
    with running(program, model, *SLOW, "--sessions", 1) as server:
        order, threads = [], []

        def run(number):
            Streamed(server, stream=False, max_tokens=2).finish()
            order.append(number)

        for number in range(5):
            threads.append(threading.Thread(target=run, args=(number,)))
            threads[-1].start()
            # Not before this one has come.
            server.wait_for_metric("lfm2_answers_running", 1)
            server.wait_for_metric("lfm2_answers_waiting", number)
        for thread in threads:
            thread.join()
        check(order == [0, 1, 2, 3, 4], order)


def disconnects():
    with running(program, model, *SLOW, "--sessions", 1) as server:
        cancelled = 0
        for begun in (True, False):
            request = Streamed(server, max_tokens=4000)
            if begun:
                request.first()
            else:
                server.wait_for_metric("lfm2_answers_running", 1)
            request.leave()
            cancelled += 1
            server.wait_for_metric("lfm2_cancelled_answers_total", cancelled)
            server.wait_for_metric("lfm2_answers_running", 0)
        # One that does not stream, and one that waits for it.
        whole = Streamed(server, stream=False, max_tokens=4000)
        server.wait_for_metric("lfm2_answers_running", 1)
        waiting = Streamed(server)
        server.wait_for_metric("lfm2_answers_waiting", 1)
        waiting.leave()
        server.wait_for_metric("lfm2_cancelled_answers_total", cancelled + 1)
        check(server.metric("lfm2_answers_running") == 1)
        whole.leave()
        server.wait_for_metric("lfm2_cancelled_answers_total", cancelled + 2)
        # The other requests continue as if nothing had happened.
        check(server.metric("lfm2_failed_answers_total") == 0)
        check(server.chat("hi", max_tokens=2)["usage"]["completion_tokens"] == 2)


def signals():
    server = Server(program, model, *SLOW, "--sessions", 1)
    request = Streamed(server)
    first = request.first()
    waiting = Streamed(server)
    server.wait_for_metric("lfm2_answers_waiting", 1)
    idle = server.connect()
    idle.connect()
    server.terminate()
    deadline = time.monotonic() + 10
    while server.get("/health").status != 503:
        check(time.monotonic() < deadline, "it does not say that it ends")
    refused = server.post(CHAT, LONG)
    check(refused.status == 503 and refused.json()["error"]["code"] == "shutting_down", refused)
    events = events_of(first + b"\n" + request.rest().lstrip(b"\n"))
    check(events[-1]["choices"][0]["finish_reason"] in ("stop", "length") and content_of(events), events)
    waiting.first()
    check(waiting.rest().endswith(b"data: [DONE]\n\n"))
    output, errors = server.process.communicate(timeout=30)
    check(server.process.returncode == 0 and not output and "finishing" in errors, errors)
    # A second signal does not wait.
    server = Server(program, model, *SLOW, "--sessions", 1)
    request = Streamed(server, max_tokens=4000)
    request.first()
    server.terminate()
    while server.get("/health").status != 503:
        time.sleep(0.01)
    server.process.send_signal(signal.SIGINT)
    server.process.communicate(timeout=30)
    check(server.process.returncode == 0, server.process.returncode)
    with contextlib.suppress(http.client.IncompleteRead):
        request.rest()


def times():
    with running(program, model, "--timeout", 1, "--idle-timeout", 1, "--connections", 4) as server:
        def silent(text):
            connection = socket.create_connection((server.host, server.port), timeout=30)
            connection.sendall(text)
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
            connection.close()
            return answer
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        check(silent(b"") == b"")
        for text in (b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: loc", head + b"Content-Length: 100\r\n\r\n{\"messages\""):
            answer = silent(text)
            check(answer == b"" or answer.split()[1] == b"408", text, answer)
        # Clients that say nothing do not keep others out for ever.
        crowd = [socket.create_connection((server.host, server.port), timeout=30) for _ in range(12)]
        check(server.get("/health").status == 200)
        for connection in crowd:
            connection.close()
        # A client that does not read is given up, and what it asked for with it.
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect((server.host, server.port))
        prompts = [[9] * 40] * 60
        body = json.dumps({"prompt": prompts, "max_tokens": 900, "stream": True, "logprobs": 20, "logit_bias": bias}).encode()
        lazy.sendall(head.replace(b"chat/", b"") + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while server.metric("lfm2_cancelled_answers_total") == 0:
            check(server.process.poll() is None and server.metric("lfm2_answers_total") < 60, "it was all taken")
        server.wait_for_metric("lfm2_answers_running", 0)
        lazy.close()


def stop_tokens():
    """A bias with which no answer of this model ends by itself."""
    with running(program, model) as server:
        ids = [i for i in range(16) if server.complete([i], max_tokens=0, echo=True)["choices"][0]["text"] in
               ("<|im_end|>", "<|endoftext|>")]
        check(ids, "no token ends an answer")
        return {str(i): -100 for i in ids}


bias = stop_tokens()
LONG["logit_bias"] = bias
for part in (keys, usage, empty_texts, queue, disconnects, signals, times):
    begin = time.monotonic()
    part()
    print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
