#!/usr/bin/env python3
"""Two hundred clients at once: nothing but answers, which are right, and refusals to come again later; memory stays as it is.

    many_clients.py LFM2-SERVER MODEL COMMANDS.jsonl [SECONDS [CLIENTS]]
"""
import collections
import contextlib
import json
import pathlib
import random
import socket
import sys
import threading
import time

from server_program import GREEDY, JSON, check, content_of, events_of, running

program, model, commands = sys.argv[1:4]
seconds, clients = (float(sys.argv[4]) if len(sys.argv) > 4 else 6.0), (int(sys.argv[5]) if len(sys.argv) > 5 else 200)
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:100]]
counts = collections.Counter()
wrong, lock = [], threading.Lock()


def client(server, number, until):
    """Asks again and again on one connection: half of the clients by streams, and some of them leave now and then."""
    choose = random.Random(number)
    connection = server.connect()
    while time.monotonic() < until:
        case = choose.choice(cases)
        stream = number % 2 == 0
        body = {"messages": [{"role": "user", "content": case["user"]}], "stream": stream, **GREEDY}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), JSON)
            response = connection.getresponse()
            if number % 10 == 0 and choose.random() < 0.2:
                connection.close()
                outcome = "left"
            else:
                reply = response.read()
                outcome = response.status
        except OSError as error:
            outcome = repr(error)
        if outcome == 200:
            text = content_of(events_of(reply)) if stream else json.loads(reply)["choices"][0]["message"]["content"]
            if text != case["call"]:
                outcome = f"wrong: {case} {text}"
        with lock:
            counts[outcome if outcome in (200, 503, "left") else "wrong"] += 1
            if outcome not in (200, 503, "left"):
                wrong.append(outcome)
        if outcome == 503:
            time.sleep(choose.uniform(0.05, 0.2))
    connection.close()


with running(program, model, "--queue", 64, "--sessions", 4) as server:
    # By then all threads and their buffers are there; after that nothing is to be added.
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(server, number, until)) for number in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds * 2 / 3)
    early = server.resident_bytes()
    for thread in threads:
        thread.join()
    server.wait_for_metric("lfm2_answers_running", 0)
    late = server.resident_bytes()
    check(not wrong, len(wrong), wrong[:3])
    check(counts[200] > 20, counts)
    check(late < early * 1.1 + (8 << 20), early, late)
    check(server.metric("lfm2_failed_answers_total") == 0)
    # The sockets of all that were there are closed.
    with contextlib.closing(socket.create_connection((server.host, server.port))):
        check(len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir())) < 40 + clients)
print(f"ok: {dict(counts)}, resident {early / 1e6:.1f} MB, then {late / 1e6:.1f} MB")
