#!/usr/bin/env python3
"""tools/get-model against a hub on this machine that fails: one clear sentence, nothing under a final name, and the
same command continues the download.

    get_model_faults.py GET-MODEL LFM2-PACK CHAT MODEL.gguf MLX-DIRECTORY [TEST...]
"""
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

from get_model_setup import (GGUF, IMAGE, MIB, check, environment, gguf, hub, names, new_folder, packer, refused, run,
                             run_tests, script, start, works)


def a_cut_connection_goes_on():
    """Within a run, as long as bytes arrive; in the next run, if none arrived for a while."""
    folder = new_folder()
    hub.heal()
    hub.cut_after, hub.cuts = 2 * MIB, 2
    works(folder, GGUF, "--no-pack")
    check(hub.ranges_seen() == [f"bytes={2 * MIB}-", f"bytes={4 * MIB}-"], hub.ranges_seen())
    check((folder / "home-Q4_0.gguf").read_bytes() == gguf, "byte for byte")

    folder = new_folder()
    hub.heal()
    hub.cut_after, hub.cuts, hub.dead = 3 * MIB, 1, True
    refused(folder, [GGUF], "connection to .* broke.*3.15 MB of 5.27 MB.*continues", left=["home-Q4_0.lfm2.download"])
    hub.heal()
    out = works(folder, GGUF)
    check(hub.ranges_seen() == [f"bytes={3 * MIB}-"], hub.ranges_seen())
    check("of which 3.15 MB are already here" in out, out)
    check(names(folder) == ["home-Q4_0.lfm2"] and (folder / "home-Q4_0.lfm2").read_bytes() == IMAGE, names(folder))

    # A server without range requests sends the whole file again.
    folder = new_folder()
    hub.heal()
    hub.cut_after, hub.cuts, hub.ranges = 2 * MIB, 1, False
    works(folder, GGUF)
    check((folder / "home-Q4_0.lfm2").read_bytes() == IMAGE, "from its begin")

    # A file that the hub has replaced in the meantime is not continued.
    folder = new_folder()
    hub.heal()
    work = folder / "model-Q4_0.lfm2.download"
    work.mkdir()
    (work / "model-Q4_0.gguf.0123456789abcdef.part").write_bytes(b"x" * MIB)
    hub.repositories["people/changing"].files["model-Q4_0.gguf"] = gguf
    works(folder, "people/changing")
    check(hub.ranges_seen() == [] and (folder / "model-Q4_0.lfm2").read_bytes() == IMAGE, hub.ranges_seen())


def a_wrong_hash_is_removed():
    for arguments in ([GGUF], [GGUF, "--no-pack"], ["people/LFM2-mlx"]):
        folder = new_folder()
        hub.heal()
        hub.corrupt = True
        refused(folder, arguments, "was damaged in transit")
        hub.heal()
        works(folder, *arguments)

    # Also files that were complete before and are not any more.
    folder = new_folder()
    hub.heal()
    refused(folder, [GGUF, "--", "--nonsense"], "lfm2-pack failed, see above", left=["home-Q4_0.lfm2.download"],
            packers_too=True)
    path = folder / "home-Q4_0.lfm2.download" / "home-Q4_0.gguf"
    check(path.read_bytes() == gguf, "the download stays")
    hub.heal()
    path.write_bytes(gguf[:-1] + b"x")
    works(folder, GGUF)
    check((folder / "home-Q4_0.lfm2").read_bytes() == IMAGE and [s for s in hub.seen if s[0] == "storage"], "again")


def more_bytes_than_announced_are_not_written():
    folder = new_folder()
    hub.claim = {"home-Q4_0.gguf": 1_000_000}
    refused(folder, [GGUF], "more than the 1000000 bytes")
    check(len([server for server, _, _, _ in hub.seen if server == "storage"]) == 2, "restarted once")


def refusals_of_the_hub():
    folder = new_folder()
    later = r"429.*in 77 s, at \d\d:\d\d:\d\d; a token in HF_TOKEN allows more$"
    for kind, status, headers, saying in (
            ("api", 401, {}, "token.*missing.*HF_TOKEN"), ("head", 401, {}, "token.*missing.*HF_TOKEN"),
            ("api", 403, {}, "403.*terms.*HF_TOKEN"), ("get", 403, {}, "403.*terms.*HF_TOKEN"),
            ("api", 500, {}, "500.*later"), ("head", 503, {}, "503.*later"), ("get", 502, {}, "502.*later"),
            ("api", 418, {}, "answers 418"), ("get", 418, {}, "answers 418"),
            ("api", 429, {"Retry_After": "77"}, later), ("head", 429, {"Retry_After": "77"}, later),
            ("get", 429, {"Retry_After": "77"}, later), ("get", 429, {"RateLimit": '"api";r=0;t=55'}, "429.*in 55 s"),
            ("api", 429, {}, "429.*few minutes"), ("api", 429, {"Retry_After": "soon"}, "429.*few minutes"),
            ("api", 429, {"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "429.*in 0 s")):
        hub.heal()
        hub.status[kind] = (status, headers)
        begin = time.monotonic()
        refused(folder, [GGUF], saying)
        check(time.monotonic() - begin < 40, "says so at once", status)


def a_full_drive():
    folder = new_folder()
    hub.heal()
    hub.claim = {"home-Q4_0.gguf": 40 * 10 ** 15}
    refused(folder, [GGUF], "need .* more on the drive .*free .free space, or choose another place")
    check(not [s for s in hub.seen if s[0] == "storage"], "before anything is downloaded")
    # A quota of this process simulates a full drive.
    hub.heal()
    limit = (3_000_000, resource.RLIM_INFINITY)
    refused(folder, [GGUF], "full; free space.*continues", left=["home-Q4_0.lfm2.download"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    works(folder, GGUF)
    check(hub.ranges_seen() and (folder / "home-Q4_0.lfm2").read_bytes() == IMAGE, hub.ranges_seen())


def a_drive_that_fills_meanwhile():
    """A real one of 12 MB, if this system allows a process to mount one."""
    folder, flags = new_folder(), new_folder()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=12m none "$0" && cd "$0" && exec "$@"', folder]
    if shutil.which("unshare") is None or subprocess.run([*mounted, "true"], capture_output=True).returncode != 0:
        print("no drive can be mounted here: only the quota was tried")
        return

    def filled(packed_by, before_data, script_around, saying, lines):
        hub.heal()
        hub.before_data = before_data
        command = [*mounted, "sh", "-c", script_around + "; code=$?; ls; exit $code", "sh", sys.executable, "-B",
                   script, "--lfm2-pack", packed_by, GGUF]
        result = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)
        check(result.returncode == 1 and re.search(saying, result.stderr), result)
        check(result.stderr.count("\n") == lines, result)
        check(result.stdout.splitlines()[-2:] == ["filler", "home-Q4_0.lfm2.download"], result)

    def fill():
        (flags / "fill").touch()
        while not (flags / "full").exists():
            time.sleep(0.02)
    filled(packer, fill, f'"$@" & while [ ! -e {flags}/fill ]; do sleep 0.02; done; head -c 8000000 /dev/zero >filler; '
                         f"touch {flags}/full; wait $!", "No space left.*full; free space", 1)
    late = flags / "late"
    late.write_text(f'#!/bin/sh\nhead -c 4000000 /dev/zero >filler\nexec {packer} "$@"\n')
    late.chmod(0o755)
    filled(late, lambda: None, '"$@"', "(?s)lfm2-pack: cannot write .*get-model: lfm2-pack failed", 2)


def interrupted():
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = new_folder()
        hub.heal()
        process = start(folder, GGUF, env=environment())

        def stop(folder=folder, number=number, process=process):
            while sum(part.stat().st_size for part in folder.glob("*/*.part")) < MIB:
                time.sleep(0.02)
            process.send_signal(number)
            process.wait(60)
        hub.cut_after, hub.cuts, hub.before_cut = MIB, 1, stop
        out, err = process.communicate(timeout=60)
        check(process.returncode == 128 + number and err.count("\n") == 1 and "get-model: interrupted; " in err, out, err)
        check(names(folder) == ["home-Q4_0.lfm2.download"], names(folder))
        hub.heal()
        works(folder, GGUF)
        check(hub.ranges_seen() == [f"bytes={MIB}-"], "and continues", hub.ranges_seen())
        check((folder / "home-Q4_0.lfm2").read_bytes() == IMAGE, "to the end")

    # During packing: the packer gets the signal, and get-model waits for it.
    folder = new_folder()
    slow = folder / "slow-pack"
    slow.write_text(f"#!/bin/sh\ntrap 'rm -f \"$2\".tmp; touch {folder}/told; exit 1' INT\n"
                    f"touch \"$2\".tmp {folder}/packing\nwhile :; do sleep 0.05; done\n")
    slow.chmod(0o755)
    process = start(folder, GGUF, packed_by=slow, env=environment())
    while not (folder / "packing").exists():
        check(process.poll() is None, process)
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    check(process.returncode == 128 + signal.SIGINT and "get-model: interrupted; " in err and "Traceback" not in err, err)
    check(names(folder) == ["home-Q4_0.lfm2.download", "packing", "slow-pack", "told"], names(folder))


def one_at_a_time():
    folder = new_folder()
    hub.heal()
    second = []
    hub.before_data = lambda: second or second.append(run(folder, GGUF))
    works(folder, GGUF)
    check(second[0][0] == 1 and "another get-model is using" in second[0][2], second)
    check((folder / "home-Q4_0.lfm2").read_bytes() == IMAGE, "the first one is not disturbed")


run_tests(a_cut_connection_goes_on, a_wrong_hash_is_removed, more_bytes_than_announced_are_not_written,
          refusals_of_the_hub, a_full_drive, a_drive_that_fills_meanwhile, interrupted, one_at_a_time)
