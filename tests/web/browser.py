"""A page in headless Chromium, by the DevTools protocol over a pair of pipes, and a server of static files for it."""
import base64
import http.server
import json
import os
import select
import subprocess
import tempfile
import threading
import time


class Failure(Exception):
    pass


class Server:
    """Serves the files of a folder on a port of the loopback interface, as any server of static files does. `replaced`
    maps names to bytes that are sent instead; None: not found."""

    def __init__(self, folder):
        self.replaced = {}
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def do_GET(self):
                name, replaced = self.path.lstrip("/"), server.replaced
                if name not in replaced:
                    return super().do_GET()
                if replaced[name] is None:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(replaced[name])))
                self.send_header("Content-Type", self.guess_type(name))
                self.end_headers()
                return self.wfile.write(replaced[name])

            def end_headers(self):
                self.send_header("Cache-Control", "no-store")  # or a replaced file would not be requested again
                super().end_headers()

            def log_message(self, *arguments):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a browser that exits closes its connections

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


class Browser:
    """One page. Used in a `with` statement, which stops the browser that it started."""

    def __init__(self, program, *arguments):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        def place_pipes():
            # The browser reads from 3 and writes to 4.
            read, write = os.dup(to_read), os.dup(to_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        command = [program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}",
                   "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", *arguments]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # it refuses to run as root otherwise
        self.process = subprocess.Popen(command, preexec_fn=place_pipes, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.messages = []  # of the page's console, and exceptions
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True, session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write_end)
        os.close(self.read_end)
        self.profile.cleanup()

    def call(self, method, session="page", **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session == "page":
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _read(self, seconds=60):
        while b"\0" not in self.buffer:
            if not select.select([self.read_end], [], [], seconds)[0]:
                raise Failure(f"the browser has not answered in {seconds} s")
            piece = os.read(self.read_end, 1 << 16)
            if not piece:
                raise Failure(f"the browser has ended with {self.process.wait()}")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        if event["method"] == "Runtime.exceptionThrown":
            exception = event["params"]["exceptionDetails"].get("exception", {})
            self.messages.append(exception.get("description", "an exception"))
        elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            entry = event["params"]["entry"]
            self.messages.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def size(self, width, height, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=is_phone,
                  deviceScaleFactor=2 if is_phone else 1)

    def evaluate(self, expression):
        """The value of an expression of JavaScript; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failure(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise Failure(f"not true after {seconds} s: {expression}; the page says: {self.messages}")
            time.sleep(0.02)

    def screenshot(self, file):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))
