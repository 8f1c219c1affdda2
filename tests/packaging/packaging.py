"""The packages for other ecosystems, tested without those: their descriptions name existing files, and a program
compiles with the settings that they give it.

    packaging.py PACKAGE --highway DIRECTORY [--cmake PROGRAM] [--compiler PROGRAM] [--cortex-m PROGRAM]
                         [--riscv PROGRAM] [--firmware ARCHIVE]

ARCHIVE is dist/lfm2-VERSION-firmware.zip of a build.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "packaging")
EXAMPLE = os.path.join(ROOT, "examples", "embedded_image", "main.cc")
# As the builds of Zephyr and most firmware compile C++.
FIRMWARE = ["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fcheck-new", "-fno-common", "-ffunction-sections",
            "-fdata-sections", "-Wall", "-Wextra", "-Wshadow", "-Wpointer-arith", "-Wdouble-promotion", "-Werror"]


class Failure(Exception):
    pass


class Skipped(Exception):
    pass


def run(*command, fails=False, environment=None):
    """The output of the command; fails if its exit code is not the expected one."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                            env={**os.environ, **(environment or {})})
    if (result.returncode != 0) != fails:
        raise Failure(f"{' '.join(command)}\nended with {result.returncode}:\n{result.stdout[-3000:]}")
    return result.stdout


def expect(condition, sentence):
    if not condition:
        raise Failure(sentence)


def text_of(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def version():
    return re.search(r'LFM2_VERSION_STRING "([^"]+)"', text_of("include", "lfm2", "base", "version.h"))[1]


def test_conan(arguments, folder):
    """`conan create` with its test package, without a remote."""
    conan = os.path.join(os.path.dirname(sys.executable), "conan")
    conan = conan if os.path.exists(conan) else shutil.which("conan")
    if not conan:
        raise Skipped("conan was not found (tools/get-deps --ci installs it)")
    environment = {"CONAN_HOME": os.path.join(folder, "home"), "LFM2_TEST_HIGHWAY": arguments.highway, "CXX": arguments.compiler}
    # In a copy: Conan builds the test package inside its source folder.
    clone = os.path.join(folder, "clone")
    for part in (os.path.join("packaging", "conan"), "include"):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(clone, part))
    shutil.copy(os.path.join(ROOT, "LICENSE"), clone)
    run(conan, "profile", "detect", environment=environment)
    run(conan, "create", "-nr", os.path.join(HERE, "highway"), environment=environment)
    create = [conan, "create", "-nr", os.path.join(clone, "packaging", "conan")]
    if os.environ.get("CMAKE_GENERATOR"):
        create += ["-c", "tools.cmake.cmaketoolchain:generator=" + os.environ["CMAKE_GENERATOR"]]
    out = run(*create, "-s", "compiler.cppstd=17", environment=environment)
    expect(f"lfm2 {version()}, " in out, f"the test package did not print its version:\n{out[-2000:]}")
    out = run(*create, "-s", "compiler.cppstd=14", fails=True, environment=environment)
    expect("required C++ standard (17)" in out, f"C++14 is refused for another reason:\n{out[-2000:]}")


def test_vcpkg(arguments, folder):
    """The port file, with vcpkg's functions replaced by a script's."""
    manifest = json.loads(text_of("packaging", "vcpkg", "lfm2", "vcpkg.json"))
    expect(manifest["version"] == version(), f"vcpkg.json says version {manifest['version']}, the library {version()}")
    minimum = re.search(r"LFM2_HIGHWAY_MINIMUM ([\d.]+)", text_of("cmake", "lfm2Highway.cmake"))[1]
    highway = [entry for entry in manifest["dependencies"] if entry["name"] == "highway"]
    expect(len(highway) == 1 and highway[0]["version>="] == minimum + ".0", f"vcpkg.json requires {highway}, not {minimum}")
    out = run(arguments.cmake, "-D", f"PORT={os.path.join(ROOT, 'packaging', 'vcpkg', 'lfm2')}", "-D", f"WORK={folder}", "-D",
              f"HIGHWAY={arguments.highway}", "-D", f"COMPILER={arguments.compiler}", "-P", os.path.join(HERE, "vcpkg.cmake"))
    expect("not used by the project" not in out, f"the port sets an unknown option:\n{out}")
    project = [arguments.cmake, "-S", os.path.join(ROOT, "tests", "install", "project"), "-B", os.path.join(folder, "uses"),
               "-DLFM2_FROM=package", f"-DCMAKE_CXX_COMPILER={arguments.compiler}",
               f"-DCMAKE_PREFIX_PATH={os.path.join(folder, 'installed')}"]
    run(*project)
    run(arguments.cmake, "--build", os.path.join(folder, "uses"))
    expect(run(os.path.join(folder, "uses", "uses_lfm2")) == f"lfm2 {version()}\n", "another version has been installed")


def kconfig(folder, settings):
    """The values that Kconfig gives the module's symbols: {name: value}."""
    import kconfiglib  # pylint: disable=import-outside-toplevel
    root = os.path.join(folder, "Kconfig")
    with open(root, "w", encoding="utf-8") as file:
        file.write("config CPP\n\tbool \"C++\"\nchoice STD_CPP\n\tprompt \"standard\"\n\tdefault STD_CPP11\n")
        for name in ("98", "11", "14", "17", "2A", "20", "2B"):
            file.write(f"config STD_CPP{name}\n\tbool \"C++ {name}\"\n")
        file.write("endchoice\nconfig REQUIRES_FULL_LIBCPP\n\tbool \"library\"\nconfig FPU\n\tbool \"FPU\"\n"
                   f"source \"{os.path.join(ROOT, 'zephyr', 'Kconfig')}\"\n")
    configuration = kconfiglib.Kconfig(root, warn_to_stderr=False)
    for name in settings:
        configuration.syms[name].set_value("y")
    expect(not configuration.warnings, f"zephyr/Kconfig: {configuration.warnings}")
    return {name: symbol.str_value for name, symbol in configuration.syms.items()}


def test_zephyr(arguments, folder):
    """The module's CMake file with Zephyr's functions replaced by a project's, for a Cortex-M33; its Kconfig."""
    module = dict(re.findall(r"^ *(\w+): *(\S+)$", text_of("zephyr", "module.yml"), re.M))
    expect(module["name"] == "lfm2", f"the module's name is {module['name']}")
    expect(os.path.exists(os.path.join(ROOT, module["cmake"], "CMakeLists.txt")), f"no CMakeLists.txt in {module['cmake']}")
    expect(os.path.exists(os.path.join(ROOT, module["kconfig"])), f"no {module['kconfig']}")

    compiler = arguments.compiler
    flags = ["-Os", *FIRMWARE]
    if arguments.cortex_m:
        compiler = arguments.cortex_m
        flags += ["-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]
    project = [arguments.cmake, "-S", os.path.join(HERE, "zephyr"), f"-DCMAKE_CXX_COMPILER={compiler}",
               f"-DCMAKE_CXX_FLAGS={' '.join(flags)}", f"-DEXAMPLE={EXAMPLE}"]
    on = [*project, "-DCONFIG_LFM2=y"]
    for standard in (17, 20):
        build = os.path.join(folder, f"on{standard}")
        run(*on, "-B", build, f"-DCONFIG_LFM2_HIGHWAY_DIR={arguments.highway}", f"-DCMAKE_CXX_STANDARD={standard}")
        run(arguments.cmake, "--build", build)
    # By default Highway is searched for next to the clone.
    clone = os.path.join(folder, "workspace", "lfm2")
    for part in ("zephyr", "include", "cmake"):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(clone, part))
    missing = run(*on, "-B", os.path.join(folder, "missing"), f"-DMODULE={clone}", fails=True)
    expect("lfm2 needs Highway" in missing, f"without Highway it says:\n{missing}")
    os.symlink(arguments.highway, os.path.join(folder, "workspace", "highway"))
    run(*on, "-B", os.path.join(folder, "default"), f"-DMODULE={clone}")
    # Without CONFIG_LFM2 the module adds nothing.
    run(*project, "-B", os.path.join(folder, "off"))
    out = run(arguments.cmake, "--build", os.path.join(folder, "off"), fails=True)
    expect("lfm2.h" in out, f"without CONFIG_LFM2 the program fails otherwise:\n{out}")

    try:
        cpp17 = kconfig(folder, ["CPP", "STD_CPP17", "LFM2"])
    except ImportError as error:
        raise Skipped("the CMake part is good, but kconfiglib was not found (tools/get-deps --ci installs it)") from error
    expect(cpp17["LFM2"] == "y" and cpp17["REQUIRES_FULL_LIBCPP"] == "y" and cpp17["FPU"] == "y", f"with C++17: {cpp17}")
    expect(kconfig(folder, ["CPP", "STD_CPP2B", "LFM2"])["LFM2"] == "y", "C++23 is refused")
    for settings in (["CPP", "LFM2"], ["CPP", "STD_CPP14", "LFM2"], ["LFM2"]):
        expect(kconfig(folder, settings)["LFM2"] == "n", f"{settings} has it")


# The fields that Arduino's library specification requires, and its list of categories.
ARDUINO_FIELDS = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures")
ARDUINO_CATEGORIES = ("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
                      "Data Processing", "Other")


def test_firmware(arguments, folder):
    """The archive for Arduino, PlatformIO and ESP-IDF: its three descriptions, their examples with the single header,
    and a C program with the two headers."""
    again = os.path.join(folder, "again.zip")
    run(sys.executable, os.path.join(ROOT, "packaging", "firmware", "make-package"), again, "--highway", arguments.highway)
    with open(again, "rb") as new, open(arguments.firmware, "rb") as built:
        expect(new.read() == built.read(), "built again, the archive differs")
    with zipfile.ZipFile(arguments.firmware) as archive:
        archive.extractall(folder)
        names = archive.namelist()
    expect(all(name.startswith("lfm2/") for name in names), f"an archive for Arduino has one folder, this one {names}")
    package = os.path.join(folder, "lfm2")
    for name in names:
        if not name.endswith(".h"):
            expect("@" not in text_of(folder, name), f"{name} has a placeholder left")

    pio = json.loads(text_of(package, "library.json"))
    expect((pio["name"], pio["version"]) == ("lfm2", version()), f"library.json is of {pio['name']} {pio['version']}")
    expect(re.match(r"[a-z0-9-]+$", pio["name"]) and len(pio["description"]) <= 255, "library.json breaks PlatformIO's limits")
    for example in pio["examples"]:
        for file in example["files"]:
            expect(f"lfm2/{example['base']}/{file}" in names, f"library.json names {file}, which is not there")
    expect(f"lfm2/src/{pio['headers']}" in names, f"library.json names {pio['headers']}, which is not in src")

    arduino = dict(line.split("=", 1) for line in text_of(package, "library.properties").splitlines())
    for field in ARDUINO_FIELDS:
        expect(field in arduino, f"library.properties has no {field}")
    expect(arduino["version"] == version(), f"library.properties says version {arduino['version']}")
    expect(re.match(r"[A-Za-z0-9][\w .-]{0,62}$", arduino["name"]), f"library.properties: the name {arduino['name']}")
    expect(arduino["category"] in ARDUINO_CATEGORIES, f"library.properties: the category {arduino['category']}")
    expect(f"lfm2/src/{arduino['includes']}" in names, f"library.properties includes {arduino['includes']}")
    # The IDE turns a sketch into a C++ file that includes Arduino.h first. The flags are those of a Teensy 4.1.
    sketch = os.path.join(folder, "Assistant.cpp")
    with open(sketch, "w", encoding="utf-8") as file:
        file.write("#include <Arduino.h>\n" + text_of(package, "examples", "Assistant", "Assistant.ino"))
    sketch_flags = ["-Wall", "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-fno-rtti", "-fpermissive",
                    "-felide-constructors", "-fno-threadsafe-statics", "-Werror", "-I", os.path.join(HERE, "arduino"), "-I",
                    os.path.join(package, "src"), "-c", sketch, "-o", sketch + ".o"]
    cortex_m7 = ["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]
    for standard in ("gnu++17", "gnu++20"):
        if arguments.cortex_m:
            run(arguments.cortex_m, f"-std={standard}", "-O2", *cortex_m7, *sketch_flags)
        else:
            run(arguments.compiler, f"-std={standard}", "-O2", *sketch_flags)

    for name, text, language in (("unit.c", "#include <lfm2_c.h>\nlfm2_session session;\n", ["-x", "c", "-std=c99", "-pedantic"]),
                                 ("lfm2.cpp", "#define LFM2_C_IMPLEMENTATION\n#include <lfm2_c.h>\n", ["-std=gnu++17", "-fno-rtti"])):
        source = os.path.join(folder, name)
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        run(*([arguments.cortex_m, *cortex_m7] if arguments.cortex_m else [arguments.compiler]), *language, "-Os", "-Wall", "-Werror",
            "-fno-exceptions", "-I", os.path.join(package, "src"), "-c", source, "-o", source + ".o")

    expect(f'version: "{version()}"\n' in text_of(package, "idf_component.yml"), "idf_component.yml has another version")
    # As ESP-IDF compiles C++; for its RISC-V chips if that compiler is installed.
    flags = ["-std=gnu++2b", "-Og", "-ffunction-sections", "-fdata-sections", "-Wall", "-Werror=all", "-Wextra",
             "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-enum-conversion", "-fno-exceptions", "-fno-rtti",
             "-fstrict-volatile-bitfields", "-fno-jump-tables"]
    compiler = arguments.compiler
    newlib = sorted(glob.glob("/usr/include/newlib/c++/*"))  # Debian has no C++ headers for this compiler
    if arguments.riscv and newlib:
        compiler = arguments.riscv
        headers = newlib[-1]
        flags += ["-isystem", headers, "-isystem", os.path.join(headers, "arm-none-eabi"), "--specs=picolibc.specs",
                  "-march=rv32imafc", "-mabi=ilp32f"]
    run(arguments.cmake, "-S", os.path.join(HERE, "esp_idf"), "-B", os.path.join(folder, "idf"),
        f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={' '.join(flags)}", f"-DCOMPONENT={package}", f"-DEXAMPLE={EXAMPLE}")
    run(arguments.cmake, "--build", os.path.join(folder, "idf"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=[name[len("test_"):] for name in globals() if name.startswith("test_")])
    parser.add_argument("--highway", required=True, type=os.path.abspath)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--cortex-m", default="")
    parser.add_argument("--riscv", default="")
    parser.add_argument("--firmware", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            globals()["test_" + arguments.package](arguments, folder)
        except Skipped as reason:
            print(f"SKIPPED: {reason}")
        except Failure as failure:
            print(failure)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
