"""The Hugging Face hub by its own client: what a repository has, where a file is, and errors as sentences."""
import collections
import datetime
import email.utils
import importlib.metadata
import pathlib
import re
import subprocess
import sys

from get_model import choice

TIMEOUT = 30  # seconds without an answer

# sha: of the content, 64 digits of SHA-256, or 40 of git's own hash of small files.
Remote = collections.namedtuple("Remote", "file size sha")


class Failure(Exception):
    """What went wrong, in one sentence."""


class TooMany(Exception):
    """429. when: seconds, a date or "", as the hub says it."""

    def __init__(self, when):
        super().__init__(when)
        self.when = when


def load_client(root):
    """The package huggingface_hub, from below build/deps if it is there or Python's own, installed if need be."""
    def load():
        own = pathlib.Path(root, "build/deps/python/lib").glob("python3*/site-packages/huggingface_hub")
        sys.path[:0] = [str(package.parent) for package in own]
        try:
            version = importlib.metadata.version("huggingface_hub")
        except ImportError as error:
            raise ImportError("the Python package huggingface_hub was not found") from error
        if int(version.split(".")[0]) < 1:
            raise ImportError(f"huggingface_hub is of version {version}, and 1.0 is needed")
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
    """Seconds as text, a date, or "": when a hub that refuses for now says to come back."""
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
        self.transport_error = client.errors.HfHubHTTPError.__mro__[1]  # httpx's own, whose name depends on the version
        client.utils.logging.set_verbosity_error()
        client.constants.DOWNLOAD_CHUNK_SIZE = 256 << 10  # of a chunk that does not come to its end nothing is kept
        first = client.get_session()
        hooks = {**first.event_hooks, "response": [self.see]}
        make = type(first)
        # The client would wait for as long as a 429 says, and show nothing meanwhile.
        client.set_client_factory(lambda: make(event_hooks=hooks, follow_redirects=True, timeout=TIMEOUT))

    @staticmethod
    def see(response):
        if response.status_code == 429:
            raise TooMany(retry_time(response.headers))

    def files(self):
        """What the repository has, with sizes; fixes the revision to the commit that it is now."""
        info = self.ask(None, lambda: self.client.HfApi().model_info(
            self.repository, revision=self.revision, files_metadata=True, timeout=TIMEOUT))
        if isinstance(info.sha, str) and re.fullmatch("[0-9a-f]{40}", info.sha):
            self.revision = info.sha
        architecture = info.gguf.get("architecture") if isinstance(getattr(info, "gguf", None), dict) else None
        if isinstance(architecture, str) and not architecture.startswith("lfm2"):
            raise Failure(f"{self.repository} is a model of the architecture {choice.shown(architecture)}; only lfm2 "
                          "and lfm2moe run here")
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
            raise Failure(f"{self.endpoint} does not say how large {name} is")
        if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", found.etag or ""):
            raise Failure(f"{self.endpoint} does not say which hash {name} has, so that it cannot be checked")
        return Remote(file, found.size, found.etag)

    def get(self, remote, file, have):
        """Writes to the file, which has the first `have` bytes, the others."""
        headers = {**self.client.utils.build_hf_headers(), "Accept-Encoding": "identity"}
        self.ask(remote.file.path, lambda: self.client.file_download.http_get(
            self.url(remote.file.path), file, resume_size=have, headers=headers, expected_size=remote.size,
            displayed_filename=choice.last(remote.file.path)), breaks=True)

    def nearest_repositories(self):
        """Names of the same owner that look like this one, as far as the hub tells."""
        try:
            owner = self.repository.split("/")[0] if "/" in self.repository else None
            search = None if owner else self.repository
            models = list(self.client.HfApi().list_models(author=owner, search=search, limit=500))
            return choice.nearest(self.repository, [m.id for m in models if choice.is_safe(m.id)])
        except Exception:  # it was only a hint
            return []

    def ask(self, path, request, breaks=False):
        """What the request returns; Failure says what went wrong. path: of the file that it is about. Errors of the
        drive are the caller's, and where it `breaks`, so is a ConnectionError: going on may help."""
        errors = self.client.errors
        what = f"{choice.shown(path)} of {self.repository}" if path else self.repository
        try:
            return request()
        except Failure:  # of what the client calls while it works
            raise
        except TooMany as error:
            token = "" if self.client.get_token() else "; a token in HF_TOKEN allows more"
            raise Failure(f"{self.endpoint} has had too many requests from here (429): {say_when(error.when)}{token}"
                          ) from error
        except errors.GatedRepoError as error:
            raise Failure(f"{self.repository} is gated: accept its terms at {self.endpoint}/{self.repository}, and put "
                          f"a token of that account into HF_TOKEN ({self.endpoint}/settings/tokens)") from error
        except errors.RevisionNotFoundError as error:
            raise Failure(f"{self.repository} has no revision {choice.shown(self.revision)}") from error
        except errors.RepositoryNotFoundError as error:
            near = self.nearest_repositories()
            hint = "; the nearest: " + ", ".join(near) if near else ""
            whom = "the token in use" if self.client.get_token() else "everybody (a private one needs HF_TOKEN)"
            raise Failure(f"{self.endpoint} has no repository {self.repository} that it shows to {whom}{hint}"
                          ) from error
        except errors.EntryNotFoundError as error:
            raise Failure(f"{what} is listed, but the hub does not have it") from error
        except errors.HfHubHTTPError as error:
            raise Failure(self.refusal(error.response.status_code, what)) from error
        except errors.HFValidationError as error:
            raise Failure(f"{self.repository} is no name of a repository") from error
        except errors.OfflineModeIsEnabled as error:
            raise Failure("HF_HUB_OFFLINE is set, so that nothing can be downloaded") from error
        except self.transport_error as error:
            if breaks:
                raise ConnectionError(f"the connection to {self.endpoint} broke: {choice.shown(error)}") from error
            raise Failure(f"{self.endpoint} cannot be reached: {choice.shown(error)}") from error
        except OSError:
            raise
        except Exception as error:  # of what the hub has sent: no JSON, or with other members than expected
            raise Failure(f"{self.endpoint} gives no answer of a hub for {what}: {type(error).__name__}") from error

    def refusal(self, status, what):
        if status == 401:
            said = "is not accepted" if self.client.get_token() else "is missing"
            return (f"{self.endpoint} wants a token for {what}, and that {said} (401): put one into HF_TOKEN "
                    f"({self.endpoint}/settings/tokens)")
        if status == 403:
            return (f"{self.endpoint} does not give {what} to this account (403): accept the terms at "
                    f"{self.endpoint}/{self.repository}, and put a token that may read it into HF_TOKEN")
        if status >= 500:
            return f"{self.endpoint} is out of order (it answers {status} for {what}): try again later"
        return f"{self.endpoint} answers {status} for {what}"
