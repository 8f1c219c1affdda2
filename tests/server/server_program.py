"""How tests start lfm2-server and talk to it, without any client but Python's own."""
import contextlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import urllib.parse

JSON = {"Content-Type": "application/json"}
# What makes an answer the same every time, whatever the model's publisher recommends.
GREEDY = {"temperature": 0, "repetition_penalty": 1}


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


class Reply:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:2000]!r}"


class Server:
    """A server that runs, on a port that was free."""

    def __init__(self, program, model, *options):
        self.process = subprocess.Popen([program, model, "--port", "0", "--threads", "1", *map(str, options)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        self.url = self.process.stdout.readline().strip() if ready else ""
        if not self.url:
            self.process.kill()
            sys.exit(f"failed: the server does not start: {self.process.stderr.read()}")
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port

    def connect(self, timeout=60):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, body, JSON if headers is None else headers)
            response = connection.getresponse()
            return Reply(response, response.read())

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, value, **headers):
        """value: JSON, or bytes as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {**JSON, **headers})

    def chat(self, messages, **fields):
        """The answer to messages, or to the text of one, by the likeliest tokens."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        reply = self.post("/v1/chat/completions", {"messages": messages, **GREEDY, **fields})
        check(reply.status == 200, reply)
        return reply.json()

    def complete(self, prompt, **fields):
        reply = self.post("/v1/completions", {"prompt": prompt, **GREEDY, **fields})
        check(reply.status == 200, reply)
        return reply.json()

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        sys.exit(f"failed: no metric {name}")

    def wait_for_metric(self, name, value):
        deadline = time.monotonic() + 30
        while self.metric(name) != value:
            check(time.monotonic() < deadline, name, value, self.metric(name))
            time.sleep(0.01)

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Ends it as a person would; it has to end well."""
        self.terminate()
        output, errors = self.process.communicate(timeout=60)
        check(self.process.returncode == 0, self.process.returncode, errors)
        check(not output, output)
        return errors


@contextlib.contextmanager
def running(program, model, *options):
    server = Server(program, model, *options)
    try:
        yield server
        if server.process.poll() is None:
            server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


def events_of(body):
    """The events of a stream that ended well, as JSON."""
    parts = body.decode().split("\n\n")
    check(parts[-2:] == ["data: [DONE]", ""], parts[-3:])
    check(all(part.startswith("data: ") for part in parts[:-1]), parts)
    return [json.loads(part[len("data: "):]) for part in parts[:-2]]


def content_of(events):
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
