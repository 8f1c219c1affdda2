"""Access to the Hugging Face hub by its own client, with errors as sentences."""
import collections
import datetime
import email.utils
import importlib.metadata
import pathlib
import re
import subprocess
import sys

from get_model import choice

TIMEOUT = 30  # seconds

# sha: of the content, 64 digits of SHA-256, or 40 of git's hash for small files.
Remote = collections.namedtuple("Remote", "file size sha")


class Failure(Exception):
    """What went wrong, in one sentence."""


class TooMany(Exception):
    """Status 429. when: seconds, a date or "", as the hub states it."""

    def __init__(self, when):
        super().__init__(when)
        self.when = when


def load_client(root):
    """The package huggingface_hub, from build/deps or from Python's path, installed if necessary."""
    def load():
        own = pathlib.Path(root, "build/deps/python/lib").glob("python3*/site-packages/huggingface_hub")
        sys.path[:0] = [str(package.parent) for package in own]
        try:
            version = importlib.metadata.version("huggingface_hub")
        except ImportError as error:
            raise ImportError("the Python package huggingface_hub was not found") from error
        if int(version.split(".")[0]) < 1:
            raise ImportError(f"huggingface_hub has version {version}, but 1.0 is needed")
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.file_download
        return huggingface_hub
    try:
        return load()
    except ImportError as error:
        print(f"get-model: {error}", file=sys.stderr, flush=True)
    subprocess.run([str(pathlib.Path(root, "tools/get-deps")), "--hub"], check=False, stdout=sys.stderr)
    try:
        return load()
    except ImportError as error:
        raise Failure(f"{error}; tools/get-deps --hub installs it, or: pip install -U huggingface_hub") from error


def retry_time(headers):
    """When to try again, by the headers of the hub: seconds as text, a date, or ""."""
    limit = re.search(r"\br\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})", headers.get("ratelimit", ""))
    return limit.group(1) if limit else headers.get("retry-after", "").strip()


def say_when(when):
    seconds = int(when) if re.fullmatch(r"\d{1,9}", when) else None
    if seconds is None and when:
        try:
            at = email.utils.parsedate_to_datetime(when)
            seconds = max(0, round((at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()))
        except (TypeError, ValueError, OverflowError):
            pass
    if seconds is None:
        return "try again in a few minutes"
    at = datetime.datetime.now() + datetime.timedelta(seconds=min(seconds, 10 ** 7))
    return f"try again in {seconds} s, at {at:%H:%M:%S}"


class Hub:
    """A repository at one revision."""

    def __init__(self, client, repository, revision):
        self.client, self.repository, self.revision = client, repository, revision
        self.endpoint = client.constants.ENDPOINT
        self.transport_error = client.errors.HfHubHTTPError.__mro__[1]  # httpx's error, whose name depends on the version
        client.utils.logging.set_verbosity_error()
        client.constants.DOWNLOAD_CHUNK_SIZE = 256 << 10  # an incomplete chunk is lost
        first = client.get_session()
        hooks = {**first.event_hooks, "response": [self.see]}
        make = type(first)
        # By default the client silently waits as long as a 429 states.
        client.set_client_factory(lambda: make(event_hooks=hooks, follow_redirects=True, timeout=TIMEOUT))

    @staticmethod
    def see(response):
        if response.status_code == 429:
            raise TooMany(retry_time(response.headers))

    def files(self):
        """The files of the repository, with sizes; fixes the revision to its current commit."""
        info = self.ask(None, lambda: self.client.HfApi().model_info(
            self.repository, revision=self.revision, files_metadata=True, timeout=TIMEOUT))
        if isinstance(info.sha, str) and re.fullmatch("[0-9a-f]{40}", info.sha):
            self.revision = info.sha
        architecture = info.gguf.get("architecture") if isinstance(getattr(info, "gguf", None), dict) else None
        if isinstance(architecture, str) and not architecture.startswith("lfm2"):
            raise Failure(f"{self.repository} is a model of the architecture {choice.shown(architecture)}; only lfm2 "
                          "and lfm2moe are supported")
        siblings = [(s.rfilename, s.size) for s in info.siblings or []]
        return [choice.File(path, size if isinstance(size, int) and size >= 0 else 0)
                for path, size in siblings if choice.is_safe(path)]

    def url(self, path):
        return self.client.hf_hub_url(self.repository, path, revision=self.revision)

    def remote(self, file):
        """Size and hash of a file, from the hub's answer to HEAD."""
        found = self.ask(file.path, lambda: self.client.get_hf_file_metadata(self.url(file.path)))
        name = choice.shown(file.path)
        if not isinstance(found.size, int) or found.size < 0:
            raise Failure(f"{self.endpoint} does not state the size of {name}")
        if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", found.etag or ""):
            raise Failure(f"{self.endpoint} does not state the hash of {name}, so it cannot be checked")
        return Remote(file, found.size, found.etag)

    def get(self, remote, file, have):
        """Appends the rest to the file, which has the first `have` bytes."""
        headers = {**self.client.utils.build_hf_headers(), "Accept-Encoding": "identity"}
        self.ask(remote.file.path, lambda: self.client.file_download.http_get(
            self.url(remote.file.path), file, resume_size=have, headers=headers, expected_size=remote.size,
            displayed_filename=choice.last(remote.file.path)), breaks=True)

    def nearest_repositories(self):
        """Similar names of the same owner."""
        try:
            owner = self.repository.split("/")[0] if "/" in self.repository else None
            search = None if owner else self.repository
            models = list(self.client.HfApi().list_models(author=owner, search=search, limit=500))
            return choice.nearest(self.repository, [m.id for m in models if choice.is_safe(m.id)])
        except Exception:  # only a hint
            return []

    def ask(self, path, request, breaks=False):
        """Returns the result of the request, or raises Failure. path: of the file in question. Errors of the drive are
        passed on; with `breaks`, so is a ConnectionError, after which continuing may help."""
        errors = self.client.errors
        what = f"{choice.shown(path)} of {self.repository}" if path else self.repository
        try:
            return request()
        except Failure:  # from code that the client calls
            raise
        except TooMany as error:
            token = "" if self.client.get_token() else "; a token in HF_TOKEN allows more"
            raise Failure(f"{self.endpoint} refuses further requests for now (429): {say_when(error.when)}{token}"
                          ) from error
        except errors.GatedRepoError as error:
            raise Failure(f"{self.repository} is gated: accept its terms at {self.endpoint}/{self.repository}, and set "
                          f"HF_TOKEN to a token of that account ({self.endpoint}/settings/tokens)") from error
        except errors.RevisionNotFoundError as error:
            raise Failure(f"{self.repository} has no revision {choice.shown(self.revision)}") from error
        except errors.RepositoryNotFoundError as error:
            near = self.nearest_repositories()
            hint = "; the nearest: " + ", ".join(near) if near else ""
            whom = "the token in use" if self.client.get_token() else "everybody (a private one needs HF_TOKEN)"
            raise Failure(f"{self.endpoint} has no repository {self.repository} that is visible to {whom}{hint}"
                          ) from error
        except errors.EntryNotFoundError as error:
            raise Failure(f"{what} is listed, but the hub does not have it") from error
        except errors.HfHubHTTPError as error:
            raise Failure(self.refusal(error.response.status_code, what)) from error
        except errors.HFValidationError as error:
            raise Failure(f"{self.repository} is not the name of a repository") from error
        except errors.OfflineModeIsEnabled as error:
            raise Failure("cannot download: HF_HUB_OFFLINE is set (unset it)") from error
        except self.transport_error as error:
            if breaks:
                raise ConnectionError(f"the connection to {self.endpoint} broke: {choice.shown(error)}") from error
            raise Failure(f"{self.endpoint} cannot be reached: {choice.shown(error)}") from error
        except OSError:
            raise
        except Exception as error:  # unexpected content from the hub
            raise Failure(f"{self.endpoint} does not answer like a hub for {what}: {type(error).__name__}") from error

    def refusal(self, status, what):
        if status == 401:
            said = "is not accepted" if self.client.get_token() else "is missing"
            return (f"{self.endpoint} requires a token for {what}, and it {said} (401): set HF_TOKEN to one "
                    f"({self.endpoint}/settings/tokens)")
        if status == 403:
            return (f"{self.endpoint} does not give {what} to this account (403): accept the terms at "
                    f"{self.endpoint}/{self.repository}, and set HF_TOKEN to a token that may read it")
        if status >= 500:
            return f"{self.endpoint} answers {status} for {what}: it is out of order (try again later)"
        return f"{self.endpoint} answers {status} for {what}"
