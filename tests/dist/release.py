#!/usr/bin/env python3
"""What tools/make-release makes, and the single files of tools/amalgamate: the same bytes from two clones of this repository with
other paths, another umask, time zone, language, hash seed and order of the files; and the archive configures, installs and
compiles README.md's example.

    release.py single-files|release --highway DIRECTORY --cmake PROGRAM --compiler COMPILER
"""
import argparse
import filecmp
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Two users. The order in which files were made is the one in which many file systems list them.
USERS = ({"folder": "a", "umask": 0o022, "reverse": False,
          "environment": {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "TAR_OPTIONS": "", "GZIP": ""}},
         {"folder": "another folder/with spaces", "umask": 0o077, "reverse": True,
          "environment": {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "PYTHONUTF8": "0", "COLUMNS": "40"}})


class Failure(Exception):
    pass


def run(*command, fails=False, environment=None, umask=0o022, data=None):
    # The commit's time counts, unless a test sets another.
    variables = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH" and not name.startswith("GIT_")}
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, input=data,
                            env={**variables, **(environment or {})}, preexec_fn=lambda: os.umask(umask))
    if (result.returncode != 0) != fails:
        raise Failure(f"{' '.join(command)}\nended with {result.returncode}:\n{result.stdout[-3000:]}")
    return result.stdout


@functools.lru_cache(maxsize=None)
def tree():
    """A commit of what is in the working tree. Only one: its time is in the files."""
    return run("git", "-C", ROOT, "stash", "create").strip() or run("git", "-C", ROOT, "rev-parse", "HEAD").strip()


def clone(user, folder):
    """A clone with what is in the working tree, committed or not."""
    path = os.path.join(folder, user["folder"])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    run("git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, path, umask=user["umask"])
    run("git", "-C", path, "reset", "--quiet", "--mixed", tree())
    run("git", "-C", path, "update-ref", "--no-deref", "HEAD", tree())
    names = run("git", "-C", path, "ls-files", "-z").split("\0")[:-1]
    run("git", "-C", path, "checkout-index", "-z", "--stdin", umask=user["umask"],
        data="".join(name + "\0" for name in sorted(names, reverse=user["reverse"])))
    return path


def compare(first, second):
    names = [sorted(os.listdir(folder)) for folder in (first, second)]
    if names[0] != names[1]:
        raise Failure(f"one has {names[0]}, the other {names[1]}")
    _, different, missing = filecmp.cmpfiles(first, second, names[0], shallow=False)
    if different or missing:
        raise Failure(f"made by another user, {', '.join(different + missing)} has other bytes")
    return names[0]


def single_files(arguments, folder):
    outs = []
    for number, user in enumerate(USERS):
        path, out = clone(user, folder), os.path.join(folder, f"dist{number}")
        os.mkdir(out)
        for script, name, *options in (
                ("tools/amalgamate", "lfm2.h"), ("tools/amalgamate", "lfm2_c.h", "--c"),
                ("tools/amalgamate", "lfm2_bundled.h", "--bundle", "all", "--highway", arguments.highway),
                ("packaging/firmware/make-package", "firmware.zip", "--highway", arguments.highway)):
            run(sys.executable, "-B", os.path.join(path, script), os.path.join(out, name), *options,
                environment=user["environment"], umask=user["umask"])
        outs.append(out)
    compare(*outs)


def use_archive(archive, version, arguments, folder):
    """What a user does with the sources: install them, and compile the first example of README.md."""
    run("tar", "-xzf", archive, "-C", folder)
    source, build, installed = (os.path.join(folder, name) for name in (f"lfm2-{version}", "build", "installed"))
    run(arguments.cmake, "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_CXX_COMPILER={arguments.compiler}", "-DLFM2_BUILD_TOOLS=OFF",
        "-DLFM2_BUILD_TESTS=OFF", "-DLFM2_BUILD_EXAMPLES=OFF", f"-DLFM2_HIGHWAY_DIR={arguments.highway}")
    run(arguments.cmake, "--install", build, "--prefix", installed)
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        program = re.search(r"^```cpp\n(.*?)^```$", file.read(), re.M | re.S)[1]
    example = os.path.join(folder, "example.cc")
    with open(example, "w", encoding="utf-8") as file:
        file.write(program)
    run(arguments.compiler, "-std=c++17", "-fsyntax-only", "-DLFM2_TENSOR_TYPES=0x29", "-DHWY_HEADER_ONLY", "-I",
        os.path.join(installed, "include"), "-isystem", arguments.highway, example)
    # Configured with all options, it misses no file.
    run(arguments.cmake, "-G", "Ninja", "-S", source, "-B", build + "-all", f"-DCMAKE_CXX_COMPILER={arguments.compiler}",
        f"-DLFM2_HIGHWAY_DIR={arguments.highway}")


def release(arguments, folder):
    outs = []
    for number, user in enumerate(USERS):
        path, out = clone(user, folder), os.path.join(folder, f"release{number}")
        run(sys.executable, "-B", os.path.join(path, "tools", "make-release"), out, "--highway", arguments.highway,
            environment=user["environment"], umask=user["umask"])
        outs.append(out)
    names = compare(*outs)
    version = re.search(r"lfm2-([0-9.]+)\.tar\.gz", " ".join(names))[1]
    want = sorted([f"lfm2-{version}.tar.gz", f"lfm2-{version}-firmware.zip", "lfm2.h", "lfm2_bundled.h", "lfm2_c.h", "SHA256SUMS"])
    if names != want:
        raise Failure(f"a release has {names}, expected {want}")
    run("sh", "-c", 'cd "$1" && sha256sum -c SHA256SUMS', "sh", outs[0])
    listing = run("tar", "--numeric-owner", "-tvzf", os.path.join(outs[0], f"lfm2-{version}.tar.gz"), environment={"TZ": "UTC"})
    strange = [line for line in listing.splitlines() if not re.match(r"-rwxr-xr-x 0/0 |-rw-r--r-- 0/0 |lrwxr-xr-x 0/0 ", line)]
    if strange or len({line.split()[3] + line.split()[4] for line in listing.splitlines()}) != 1:
        raise Failure(f"files of the archive have other owners, modes or times: {strange[:3]}")
    use_archive(os.path.join(outs[0], f"lfm2-{version}.tar.gz"), version, arguments, folder)

    # What is not committed is not released silently.
    with open(os.path.join(path, "README.md"), "a", encoding="utf-8") as file:
        file.write("\n")
    said = run(sys.executable, "-B", os.path.join(path, "tools", "make-release"), os.path.join(folder, "no"), "--highway",
               arguments.highway, fails=True)
    if "README.md first: commit them" not in said or os.path.exists(os.path.join(folder, "no")):
        raise Failure(f"a changed working tree gives: {said}")
    run("git", "-C", path, "checkout", "--quiet", "README.md")
    run("git", "-C", path, "tag", "v999.0.0")
    said = run(sys.executable, "-B", os.path.join(path, "tools", "make-release"), os.path.join(folder, "no"), "--highway",
               arguments.highway, fails=True)
    if "the commit has the tag v999.0.0, and its version is" not in said:
        raise Failure(f"a tag of another version gives: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["single-files", "release"])
    parser.add_argument("--highway", required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--compiler", default="g++")
    arguments = parser.parse_args()
    if not os.path.exists(os.path.join(ROOT, ".git")) or not shutil.which("git"):
        print("SKIPPED: releases are made from a git repository by git, and one of them is not here")
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            {"single-files": single_files, "release": release}[arguments.what](arguments, folder)
    except Failure as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
