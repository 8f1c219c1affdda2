"""A server on this machine that answers as the Hugging Face hub does, and a second one that has the large files, as
the hub's storage does; both misbehave when a test says so."""
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Repository:
    """files: {path: bytes}. Files in `large` are in the storage, by its SHA-256; the hub itself has the rest."""

    def __init__(self, files, large=(), private=False, gated=False, gguf=None):
        self.files, self.large, self.private, self.gated, self.gguf = files, set(large), private, gated, gguf


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Server:
    def __init__(self, host, handle):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                handle(self)

            do_HEAD = do_GET

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None  # clients that go away are part of the tests
        self.url = f"http://{host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class FakeHub:
    def __init__(self, token="hf_good"):
        self.repositories, self.token = {}, token
        self.hub = Server("127.0.0.1", self.answer_hub)
        self.storage = Server("localhost", self.answer_storage)  # another host: the token must not get there
        self.url = self.hub.url
        self.heal()

    def heal(self):
        """Resets the faults and the recorded requests."""
        self.seen = []  # (server, method, path, headers)
        self.status = {}  # "api", "head" or "get": (status, headers) in place of an answer
        self.cut_after = None  # bytes of a large file after which the connection is closed
        self.cuts = 0  # how many more times that happens; after that, if it was `dead`, no byte is sent at all
        self.before_cut = lambda: None
        self.dead = False
        self.corrupt = False
        self.ranges = True
        self.before_data = lambda: None
        self.claim = {}  # path: the size that the hub reports
        self.no_hash = False
        self.json = None  # the API's response to any request

    def ranges_seen(self):
        return [headers["Range"] for server, _, _, headers in self.seen if server == "storage" and "Range" in headers]

    @staticmethod
    def send(request, status, body=b"", headers=None, length=None):
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body) if length is None else length), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    def refuse(self, request, status, code="", message="", **headers):
        self.send(request, status, json.dumps({"error": message}).encode(), {
            "Content-Type": "application/json", "X-Error-Code": code, "X-Error-Message": message,
            **{name.replace("_", "-"): value for name, value in headers.items()}})

    def answer_hub(self, request):
        url = urllib.parse.urlsplit(request.path)
        path = urllib.parse.unquote(url.path)
        self.seen.append(("hub", request.command, path, request.headers))
        is_api = path.startswith("/api/models")
        kind = "api" if is_api else request.command.lower()
        if kind in self.status:
            status, headers = self.status[kind]
            return self.refuse(request, status, message="as the test wants it", **headers)
        authorization = request.headers.get("Authorization")
        if authorization not in (None, f"Bearer {self.token}"):
            return self.refuse(request, 401, message="Invalid credentials in Authorization header")
        if is_api and path == "/api/models":
            return self.list_models(request, urllib.parse.parse_qs(url.query))
        match = (re.fullmatch(r"/api/models/(.+?)(?:/revision/(.+))?", path) if is_api else
                 re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path))
        repository = self.repositories.get(match.group(1)) if match else None
        if repository is None or (repository.private and authorization is None):
            # The hub does not reveal whether a repository is missing or private.
            return self.refuse(request, 404 if authorization else 401, "RepoNotFound", "Repository not found")
        if match.group(2) not in (None, "main", COMMIT):
            return self.refuse(request, 404, "RevisionNotFound", "Invalid rev id")
        if is_api:
            return self.describe(request, match.group(1), repository)
        if repository.gated and authorization is None:
            return self.refuse(request, 403, "GatedRepo", "Access to this model is restricted")
        return self.resolve(request, repository, match.group(3))

    def list_models(self, request, query):
        owner, search = query.get("author", [""])[0], query.get("search", [""])[0].lower()
        names = [name for name, r in self.repositories.items()
                 if not r.private and name.startswith(owner + "/" if owner else "") and search in name.lower()]
        self.send(request, 200, json.dumps([{"id": name, "modelId": name} for name in names]).encode(),
                  {"Content-Type": "application/json"})

    def describe(self, request, name, repository):
        if self.json is not None:
            return self.send(request, 200, self.json, {"Content-Type": "application/json"})
        siblings = []
        for path, data in repository.files.items():
            siblings.append({"rfilename": path, "size": self.claim.get(path, len(data)), "blobId": git_hash(data)})
            if path in repository.large:
                siblings[-1]["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
        info = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
        if repository.gguf is not None:
            info["gguf"] = repository.gguf
        self.send(request, 200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def resolve(self, request, repository, path):
        data = repository.files.get(path)
        if data is None:
            return self.refuse(request, 404, "EntryNotFound", "Entry not found")
        size = self.claim.get(path, len(data))
        headers = {"X-Repo-Commit": COMMIT}
        if path not in repository.large:
            if not self.no_hash:
                headers["ETag"] = f'"{git_hash(data)}"'
            return self.send(request, 200, self.damaged(data) if request.command == "GET" else data, headers)
        headers |= {"X-Linked-Size": str(size), "Location": f"{self.storage.url}/{sha256(data)}"}
        if not self.no_hash:
            headers["X-Linked-Etag"] = f'"{sha256(data)}"'
        return self.send(request, 302, b"", headers)

    def damaged(self, data):
        return data[:-1] + bytes([data[-1] ^ 1]) if self.corrupt else data

    def answer_storage(self, request):
        self.seen.append(("storage", request.command, request.path, request.headers))
        if self.dead and self.cuts <= 0:
            request.close_connection = True
            return None
        self.before_data()
        data = next(data for r in self.repositories.values() for data in r.files.values()
                    if "/" + sha256(data) == request.path)
        total, data, status, headers = len(data), self.damaged(data), 200, {}
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if asked and self.ranges:
            begin = int(asked.group(1))
            data, status, headers = data[begin:], 206, {"Content-Range": f"bytes {begin}-{total - 1}/{total}"}
        if self.cut_after is not None and self.cuts > 0:
            self.cuts -= 1
            self.send(request, status, data[:self.cut_after], headers, length=len(data))
            self.before_cut()
            request.close_connection = True
            return None
        return self.send(request, status, data, headers)
