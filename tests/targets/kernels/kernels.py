"""The kernels' tests on a Cortex-M in QEMU: with the instructions of Armv7E-M, or with Helium.

    kernels.py mps2-an500|mps3-an547 BUILD_FOLDER HIGHWAY DOCTEST

HIGHWAY and DOCTEST are the folders that contain hwy/ and doctest/. Needs what `tools/get-deps --targets` installs.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PROCESSORS = {"mps2-an500": "cortex-m7", "mps3-an547": "cortex-m55"}
TESTS = ["dequantize_test.cc", "matmul_test.cc", "nonfinite_test.cc", "quantize_test.cc"]


def main():
    board, folder, highway, doctest = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    # Only doctest from its folder: the other headers in it are this machine's.
    alone = os.path.join(folder, "include")
    os.makedirs(alone, exist_ok=True)
    if not os.path.lexists(os.path.join(alone, "doctest")):
        os.symlink(os.path.join(doctest, "doctest"), os.path.join(alone, "doctest"))
    compiler = ["arm-none-eabi-g++", f"-mcpu={PROCESSORS[board]}", "-mthumb", "-mfloat-abi=hard", "-O2",
                "-DNDEBUG", "-Wno-psabi"]
    options = ["-std=gnu++17", "-DHWY_HEADER_ONLY", "-DDOCTEST_CONFIG_NO_POSIX_SIGNALS", "-DDOCTEST_CONFIG_NO_MULTITHREADING",
               "-DDOCTEST_CONFIG_COLORS_NONE", "-I", ROOT, "-I", os.path.join(ROOT, "include"), "-isystem", highway,
               "-isystem", alone]
    # The tests in one unit: compiled file by file, each would compile the kernels of all types again.
    tests = os.path.join(folder, "tests.cc")
    with open(tests, "w", encoding="utf-8") as file:
        file.writelines(f'#include "tests/kernels/{test}"\n' for test in TESTS)
    objects = []
    for source in ("tests/main.cc", "tests/targets/kernels/semihosting.cc", tests):
        objects.append(os.path.join(folder, os.path.basename(source) + ".o"))
        subprocess.run(compiler + options + ["-c", os.path.join(ROOT, source), "-o", objects[-1]], check=True)
    program = os.path.join(folder, "kernels.elf")
    subprocess.run(compiler + ["-nostartfiles", "-Wl,--no-warn-rwx-segments", "-T", os.path.join(HERE, "memory.ld"), *objects,
                               "-o", program], check=True)
    result = subprocess.run(["qemu-system-arm", "-M", board, "-display", "none", "-serial", "none", "-monitor", "none",
                             "-semihosting-config", "enable=on,target=native", "-kernel", program], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=3000)
    print(result.stdout)
    # The exit code alone would not show whether any test ran.
    return 0 if result.returncode == 0 and "Status: SUCCESS" in result.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
