"""Downloads files from the hub: resumed, with limits on their size, and checked by their hash."""
import fcntl
import hashlib
import io
import os
import shutil
import sys
import time

from get_model import choice, hub

BLOCK = 8 << 20


class Surplus(hub.Failure):
    """More bytes than announced."""


class Bounded(io.BufferedWriter):
    """A file that accepts no more bytes than its limit, whatever a server sends."""

    def __init__(self, path, limit):
        super().__init__(io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "r+b"))
        self.limit = limit
        self.seek(0, os.SEEK_END)

    def write(self, data):
        if self.tell() + len(data) > self.limit:
            raise Surplus(f"the hub sends more than the {self.limit} bytes that it announced")
        return super().write(data)


class Folder:
    """The directory of unfinished downloads, locked by one process at a time. Files go to `into`, which is the same
    directory or in it."""

    def __init__(self, path, into):
        self.path, self.into = path, into

    def __enter__(self):
        os.makedirs(self.into, exist_ok=True)
        self.lock = os.open(os.path.join(self.path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.lock)
            raise hub.Failure(f"another get-model is using {self.path}") from error
        return self

    def __exit__(self, *unused):
        if os.path.isdir(self.into) and not any(entry.stat().st_size for entry in os.scandir(self.into)):
            shutil.rmtree(self.path, ignore_errors=True)  # nothing to continue from
        os.close(self.lock)

    def at(self, remote):
        return os.path.join(self.into, choice.last(remote.file.path))

    def part(self, remote):
        """The unfinished file. Its name has the hash, so that a file that was replaced on the hub is not continued."""
        return f"{self.at(remote)}.{remote.sha[:16]}.part"

    def have(self, remote):
        """Bytes of the file that are already here; they are checked later."""
        for path in (self.at(remote), self.part(remote)):
            if os.path.isfile(path) and os.path.getsize(path) <= remote.size:
                return os.path.getsize(path)
        return 0

    def drop_others(self, remotes):
        """Removes unfinished files that were replaced on the hub."""
        kept = {os.path.basename(self.part(remote)) for remote in remotes}
        for name in os.listdir(self.into):
            if name.endswith(".part") and name not in kept:
                os.unlink(os.path.join(self.into, name))


def has_hash(path, remote, progress):
    """Whether the file has the size and the hash on the hub: SHA-256, or git's hash of a blob."""
    if os.path.getsize(path) != remote.size:
        return False
    if len(remote.sha) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)
    bar = progress(choice.last(remote.file.path), remote.size)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            bar.update(len(block))
    bar.close()
    return digest.hexdigest() == remote.sha


def fetch(repository, remote, folder, progress):
    """Downloads a file into the folder and returns its path; continues what an earlier run has left."""
    path, part = folder.at(remote), folder.part(remote)
    name = choice.shown(choice.last(remote.file.path))
    if os.path.isfile(path):
        if has_hash(path, remote, progress):
            return path
        os.unlink(path)
    if os.path.isfile(part) and os.path.getsize(part) > remote.size:
        os.unlink(part)
    restarted = False
    while True:
        before = os.path.getsize(part) if os.path.isfile(part) else 0
        try:
            with Bounded(part, remote.size) as file:
                repository.get(remote, file, before)
                file.flush()
                os.fsync(file.fileno())
            break
        except Surplus:
            # The server does not resume, or is hostile.
            os.unlink(part)
            if restarted:
                raise
            restarted = True
        except ConnectionError as error:
            if os.path.getsize(part) <= before:
                have = f"{choice.human(before)} of {choice.human(remote.size)}"
                raise hub.Failure(f"{choice.shown(error)}; {have} of {name} are here (the same command continues)") from error
            time.sleep(1)
    if not has_hash(part, remote, progress):
        os.unlink(part)
        raise hub.Failure(f"{name} was damaged in transit: its hash is not {remote.sha[:16]}... as on the hub; it was "
                          "removed (the same command downloads it again)")
    os.replace(part, path)
    return path


def check_room(where, needed, what):
    """Refuses what does not fit on the drive of the directory `where`."""
    status = os.statvfs(where)
    free = status.f_bavail * status.f_frsize
    if needed > free:
        raise hub.Failure(f"{what} need {choice.human(needed)} more on the drive of {where}, which has "
                          f"{choice.human(free)} free (free space, or choose another place with --output)")
    return free


def memory_here():
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def progress_bar(client):
    """make(name, size): a bar for the check of a file, if standard error is a terminal."""
    def make(name, size):
        return client.utils.tqdm(desc=f"checking {name}", total=size, unit="B", unit_scale=True, leave=False,
                                 disable=None if sys.stderr.isatty() else True)
    return make
